//===- SafeTensorsTest.cpp - One safetensors file -------------------------===//
#include "support/SafeTensors.h"
#include "test/unit/support/TestFiles.h"

#include <limits>

using namespace moec;
using namespace moec::test;

namespace {

class SafeTensors : public testing::Test {
protected:
  /// A file of a header and data.
  Result<SafeTensorsFile> open(const std::string &header,
                               const std::string &data) {
    return openBytes(littleEndian(header.size()) + header + data);
  }
  Result<SafeTensorsFile> openBytes(const std::string &bytes) {
    return SafeTensorsFile::open(folder.write("x.safetensors", bytes));
  }
  TemporaryFolder folder;
};

TEST_F(SafeTensors, ReadsWhatTheFormatAllows) {
  auto file = open(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("z":{"dtype":"I8","shape":[3,0],"data_offsets":[8,8]},)"
      R"("a":{"dtype":"I16","shape":[],"data_offsets":[8,10]}}  )",
      std::string("\0\0\x80\x3f\0\0\0\xc0\xfe\xff", 10));
  ASSERT_TRUE(file.ok()) << file.message();
  ASSERT_EQ(file->tensors().size(), 3u);
  const TensorView *b = file->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->name, "b");
  EXPECT_EQ(b->dtype, DType::F32);
  EXPECT_EQ(b->shape, std::vector<int64_t>({2}));
  EXPECT_EQ(b->bytes, 8u);
  EXPECT_EQ(b->numElements(), 2);
  EXPECT_EQ(b->file, folder.path("x.safetensors"));
  EXPECT_EQ(*readFloats(*b), std::vector<float>({1, -2}));
  EXPECT_EQ(*readInts(*file->find("a")), std::vector<int64_t>({-2}));
  EXPECT_EQ(file->find("z")->numElements(), 0);
  EXPECT_EQ(file->find("c"), nullptr);
}

TEST_F(SafeTensors, ViewsOutliveTheFile) {
  TensorView view;
  {
    auto file =
        open(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "\7");
    ASSERT_TRUE(file.ok());
    SafeTensorsFile copy = *file;
    view = *copy.find("a");
    EXPECT_EQ(*readInts(view), std::vector<int64_t>({7}));
  }
}

TEST_F(SafeTensors, ReadsAModel) {
  auto file = SafeTensorsFile::open(
      MOEC_TEST_DATA "/models/stories260K-hf/golden.safetensors");
  ASSERT_TRUE(file.ok()) << file.message();
  const TensorView *ids = file->find("input_ids");
  ASSERT_NE(ids, nullptr);
  EXPECT_EQ(ids->shape, std::vector<int64_t>({2, 48}));
  EXPECT_EQ(readInts(*ids)->size(), 96u);
  EXPECT_EQ(readFloats(*file->find("logits"))->size(), 2u * 48 * 512);
}

TEST_F(SafeTensors, RefusesABrokenHeader) {
  EXPECT_ERROR(openBytes("1234567"), "expected at least 8 bytes, found 7");
  EXPECT_ERROR(openBytes(littleEndian(3) + "{}"),
               "a header of 3 bytes in a file of 10");
  EXPECT_ERROR(openBytes(littleEndian(uint64_t(1) << 63) + "{}"),
               "a header of 9223372036854775808 bytes");
  EXPECT_ERROR(openBytes(littleEndian(~uint64_t(0)) + "{}"), "a header of");
  EXPECT_ERROR(open("", ""), "does not begin with '{'");
  EXPECT_ERROR(open("[]", ""), "does not begin with '{'");
  EXPECT_ERROR(open(" {}", ""), "does not begin with '{'");
  EXPECT_ERROR(open("{", ""), "x.safetensors: header:1:");
  EXPECT_ERROR(open(R"({"\ud800":1})", ""), "surrogate");
  EXPECT_ERROR(open(R"({"a":)" + std::string(20, '['), ""), "deeper than 8");
  EXPECT_ERROR(open(R"({"__metadata__":{"a":1}})", ""),
               "expected __metadata__ to map strings to strings");
  EXPECT_ERROR(
      open(
          R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
          ""),
      "duplicate key \"a\"");
}

TEST_F(SafeTensors, RefusesABrokenTensor) {
  auto one = [&](const std::string &dtype, const std::string &shape,
                 const std::string &offsets) {
    return open("{\"w\":{\"dtype\":" + dtype + ",\"shape\":" + shape +
                    ",\"data_offsets\":" + offsets + "}}",
                "12345678");
  };
  EXPECT_TRUE(one("\"F32\"", "[2]", "[0,8]").ok());
  EXPECT_ERROR(open(R"({"w":3})", ""), "tensor 'w': expected an object");
  EXPECT_ERROR(open(R"({"w":{}})", ""), "tensor 'w': \"dtype\" is missing");
  EXPECT_ERROR(one("\"F31\"", "[2]", "[0,8]"),
               "tensor 'w': unknown dtype 'F31'");
  EXPECT_ERROR(one("7", "[2]", "[0,8]"), "expected \"dtype\" to be a string");
  EXPECT_ERROR(one("\"F32\"", "2", "[0,8]"),
               "expected \"shape\" to be an array");
  EXPECT_ERROR(one("\"F32\"", "[-2]", "[0,8]"), "hold extents, found -2");
  EXPECT_ERROR(one("\"F32\"", "[2.0]", "[0,8]"), "hold extents, found 2.0");
  EXPECT_ERROR(one("\"F32\"", "[9223372036854775808]", "[0,8]"),
               "hold extents");
  EXPECT_ERROR(one("\"F32\"", "[4611686018427387904,4]", "[0,8]"),
               "the size of the shape overflows");
  EXPECT_ERROR(one("\"F32\"", "[4611686018427387904,2]", "[0,8]"),
               "the size of the shape overflows");
  EXPECT_ERROR(one("\"F32\"", "[0,4611686018427387904,4]", "[0,0]"),
               "the size of the shape overflows");
  EXPECT_ERROR(one("\"F32\"", "[2]", "[0]"), "to be [begin, end], found [0]");
  EXPECT_ERROR(one("\"F32\"", "[2]", "[0,8,9]"), "to be [begin, end]");
  EXPECT_ERROR(one("\"F32\"", "[2]", "[-8,0]"), "to be [begin, end]");
  EXPECT_ERROR(one("\"F32\"", "[2]", "[8,0]"), "do not lie in the 8 bytes");
  EXPECT_ERROR(one("\"F32\"", "[2]", "[1,9]"), "do not lie in the 8 bytes");
  EXPECT_ERROR(one("\"F32\"", "[2]", "[0,18446744073709551615]"),
               "do not lie in the 8 bytes");
  EXPECT_ERROR(one("\"F32\"", "[1]", "[0,8]"),
               "the shape needs 4 bytes, data_offsets hold 8");
}

/// The reference implementation refuses each of these too.
TEST_F(SafeTensors, RefusesHolesAndOverlaps) {
  auto two = [&](const std::string &a, const std::string &b) {
    return open(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + a +
            "},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + b +
            "}}",
        "12345");
  };
  EXPECT_ERROR(two("[0,2]", "[1,3]"), "tensor 'b' overlaps the one before it");
  EXPECT_ERROR(two("[0,2]", "[0,2]"), "overlaps the one before it");
  EXPECT_ERROR(two("[0,2]", "[3,5]"), "tensor 'b' has a hole before it");
  EXPECT_ERROR(two("[1,3]", "[3,5]"), "tensor 'a' has a hole before it");
  EXPECT_ERROR(two("[0,2]", "[2,4]"), "5 bytes of data, the tensors cover 4");
  EXPECT_ERROR(
      open(
          R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
          "1234"),
      "tensor 'a' overlaps");
}

TEST_F(SafeTensors, WritesAndReadsBack) {
  std::map<std::string, TensorData> tensors;
  tensors["floats"] = TensorData::fromFloats({2, 2}, {1, -2, 0.5f, 3e38f});
  tensors["ints"] = TensorData::fromInts({3}, {1, -1, int64_t(1) << 62});
  tensors["bytes"] = {DType::BOOL, {3}, {1, 0, 1}};
  tensors["none"] = TensorData::fromFloats({0, 4}, {});
  tensors["é"] = TensorData::fromFloats({}, {7});
  std::string path = folder.path("out.safetensors");
  Status written = writeSafeTensors(path, tensors);
  ASSERT_TRUE(written.ok()) << written.message();

  auto file = SafeTensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.message();
  EXPECT_EQ(file->tensors().size(), 5u);
  EXPECT_EQ(*readFloats(*file->find("floats")),
            std::vector<float>({1, -2, 0.5f, 3e38f}));
  EXPECT_EQ(file->find("floats")->shape, std::vector<int64_t>({2, 2}));
  EXPECT_EQ(*readInts(*file->find("ints")),
            std::vector<int64_t>({1, -1, int64_t(1) << 62}));
  EXPECT_EQ(*readInts(*file->find("bytes")), std::vector<int64_t>({1, 0, 1}));
  EXPECT_EQ(*readFloats(*file->find("é")), std::vector<float>({7}));
  EXPECT_EQ(
      std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST_F(SafeTensors, WritesAlignedData) {
  std::map<std::string, TensorData> tensors;
  tensors["a"] = {DType::U8, {3}, {1, 2, 3}};
  tensors["b"] = TensorData::fromInts({1}, {5});
  std::string path = folder.path("out.safetensors");
  ASSERT_TRUE(writeSafeTensors(path, tensors).ok());
  auto file = SafeTensorsFile::open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->find("b")->data) % 8, 0u);
}

TEST_F(SafeTensors, RefusesToWriteNonsense) {
  std::string path = folder.path("out.safetensors");
  auto write = [&](const std::string &name, TensorData tensor) {
    return writeSafeTensors(path, {{name, std::move(tensor)}});
  };
  EXPECT_ERROR(write("w", {DType::F32, {2}, {1, 2, 3}}),
               "tensor 'w': the shape needs 8 bytes, found 3");
  EXPECT_ERROR(write("w", {DType::U8, {-1}, {}}), "invalid shape");
  EXPECT_ERROR(write("__metadata__", {DType::U8, {0}, {}}), "not a name");
  EXPECT_ERROR(write("\xff", {DType::U8, {0}, {}}), "not a name");
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_ERROR(writeSafeTensors(folder.path("none/x"), {}), "cannot create");
  // The final name is a folder: the rename fails, and nothing is left.
  ASSERT_TRUE(std::filesystem::create_directory(path));
  EXPECT_ERROR(write("w", {DType::U8, {1}, {1}}), "cannot write");
  EXPECT_EQ(
      std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST_F(SafeTensors, ReadsEveryFloatTypeExactly) {
  auto floats = [](DType dtype, std::vector<uint8_t> data) {
    TensorView view;
    view.dtype = dtype;
    view.data = data.data();
    view.bytes = data.size();
    return *readFloats(view);
  };
  EXPECT_EQ(floats(DType::F16, {0x00, 0x3c, 0x01, 0x00})[1], 0x1p-24f);
  EXPECT_EQ(floats(DType::BF16, {0x40, 0xc0})[0], -3.0f);
  EXPECT_EQ(floats(DType::F8_E4M3, {0x7e})[0], 448.0f);
  EXPECT_EQ(floats(DType::F8_E5M2, {0x3c, 0x7b})[1], 57344.0f);
  EXPECT_EQ(floats(DType::F8_E8M0, {128})[0], 2.0f);
}

TEST_F(SafeTensors, ReadsEveryIntegerType) {
  std::vector<uint8_t> ones(8, 0xff);
  auto first = [&](DType dtype) {
    TensorView view;
    view.dtype = dtype;
    view.data = ones.data();
    view.bytes = dtypeBytes(dtype);
    return (*readInts(view))[0];
  };
  EXPECT_EQ(first(DType::I64), -1);
  EXPECT_EQ(first(DType::I32), -1);
  EXPECT_EQ(first(DType::I16), -1);
  EXPECT_EQ(first(DType::I8), -1);
  EXPECT_EQ(first(DType::U32), 0xffffffff);
  EXPECT_EQ(first(DType::U16), 0xffff);
  EXPECT_EQ(first(DType::U8), 0xff);
}

TEST_F(SafeTensors, RefusesInexactReads) {
  auto file = open(
      R"({"d":{"dtype":"F64","shape":[0],"data_offsets":[0,0]},"u":{"dtype":"U64","shape":[0],"data_offsets":[0,0]}})",
      "");
  ASSERT_TRUE(file.ok());
  EXPECT_ERROR(readFloats(*file->find("d")),
               "tensor 'd': expected a type that f32 holds exactly, found F64");
  EXPECT_ERROR(readInts(*file->find("d")), "found F64");
  EXPECT_ERROR(readInts(*file->find("u")), "found U64");
  EXPECT_ERROR(readFloats(*file->find("u")), "found U64");
}

} // namespace
