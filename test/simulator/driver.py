"""The simulated driver, for tests that load it into their own process."""
import ctypes
import sys


class Simulator:
    """A context of the simulated driver."""

    def __init__(self, path):
        self.driver = ctypes.CDLL(path)
        self.call("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxSetCurrent", context)

    def call(self, name, *arguments):
        status = getattr(self.driver, name)(*arguments)
        if status:
            sys.exit(f"{name}: error {status}")

    def load(self, ptx):
        module = ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(ptx))
        return module

    def run(self, module, name, arguments, grid, block, cooperative=False):
        """Launches with a buffer for each argument that is bytes, and the others, which are of ctypes, by value; what is in the buffers afterwards."""
        function, values = ctypes.c_void_p(), []
        self.call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
        for data in arguments:
            value = data
            if isinstance(data, bytes):
                value = ctypes.c_uint64()
                self.call("cuMemAlloc_v2", ctypes.byref(value), ctypes.c_size_t(len(data)))
                self.call("cuMemcpyHtoD_v2", value, ctypes.c_char_p(data), ctypes.c_size_t(len(data)))
            values.append(value)
        pointers = (ctypes.c_void_p * len(values))(*[ctypes.cast(ctypes.byref(value), ctypes.c_void_p) for value in values])
        if cooperative:
            self.call("cuLaunchCooperativeKernel", function, grid, 1, 1, block, 1, 1, 0, None, pointers)
        else:
            self.call("cuLaunchKernel", function, grid, 1, 1, block, 1, 1, 0, None, pointers, None)
        self.call("cuCtxSynchronize")
        results = []
        for value, data in zip(values, arguments):
            if isinstance(data, bytes):
                buffer = ctypes.create_string_buffer(len(data))
                self.call("cuMemcpyDtoH_v2", buffer, value, ctypes.c_size_t(len(data)))
                self.call("cuMemFree_v2", value)
                results.append(buffer.raw)
        return results
