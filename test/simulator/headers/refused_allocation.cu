// Device code that allocates.
extern "C" __global__ void allocate(void **out) { out[threadIdx.x] = malloc(64); }
