// Reading Hugging Face folders: what is there, and what lies about itself.
#include "engine/base/error.h"
#include "engine/files/safetensors.h"
#include "tests/engine/files/gguf_samples.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <random>

namespace switchyard {
namespace {

using test::TemporaryFolder;

std::string safetensors(const std::string& header, const std::string& data) {
    return samples::Bytes().text(header).raw(data).str();
}

std::vector<FolderTensor> parse_tensors(const std::string& bytes) {
    return parse_safetensors(std::as_bytes(std::span(bytes)), "test.safetensors");
}

std::string tensor_refusal(const std::string& bytes) {
    try {
        parse_tensors(bytes);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

void expect_tensors_refused(const std::string& bytes, const std::string& part) {
    const std::string why = tensor_refusal(bytes);
    EXPECT_NE(why.find(part), std::string::npos) << "expected \"" << part << "\", got \"" << why << "\"";
    EXPECT_TRUE(why.starts_with("test.safetensors: ")) << why;
}

/// Three tensors, out of order, one of a type that is not read.
std::string small_file() {
    return safetensors(R"({"__metadata__":{"format":"pt"},)"
                       R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
                       R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                       R"("i":{"dtype":"U64","shape":[],"data_offsets":[20,28]},)"
                       R"("e":{"dtype":"F8_E4M3","shape":[0,7],"data_offsets":[28,28]}}  )",
                       "abcdefghijklmnopqrstuvwxyz01");
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
    const std::string bytes = small_file();
    const std::vector<FolderTensor> tensors = parse_tensors(bytes);
    ASSERT_EQ(tensors.size(), 3u);
    EXPECT_EQ(tensors[0].name, "a");
    EXPECT_EQ(tensors[0].type, FolderType::F32);
    EXPECT_EQ(tensors[0].data[0], std::byte{'a'});
    EXPECT_EQ(tensors[1].name, "b");
    EXPECT_EQ(tensors[1].shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(tensors[1].values(), 6);
    EXPECT_EQ(tensors[1].data[0], std::byte{'i'});
    EXPECT_EQ(tensors[2].values(), 0);
    EXPECT_EQ(folder_type_name(tensors[2].type), "F8_E4M3");
}

TEST(SafetensorsRefuses, WhatIsNotOne) {
    expect_tensors_refused("", "not a safetensors file");
    expect_tensors_refused("1234567", "not a safetensors file");
    expect_tensors_refused(std::string(8, '\xff'), "claims a header");
    expect_tensors_refused(std::string("\x64\0\0\0\0\0\0\0{}", 10), "claims a header of 100 bytes");
    expect_tensors_refused(safetensors("", ""), "not a safetensors file");
    expect_tensors_refused(safetensors("[]", ""), "not a safetensors file");
    expect_tensors_refused(safetensors("{\"a\":", ""), "not JSON");
    expect_tensors_refused(safetensors("{}", "x"), "belong to no tensor");
}

/// A header of one tensor "w" with these fields, and four bytes of data.
std::string one(const std::string& fields) { return safetensors("{\"w\":{" + fields + "}}", "abcd"); }

TEST(SafetensorsRefuses, BadTensors) {
    EXPECT_EQ(tensor_refusal(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])")), "");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[1])"), "\"w\" lacks");
    expect_tensors_refused(one(R"("dtype":"F32","data_offsets":[0,4])"), "\"w\" lacks");
    expect_tensors_refused(one(R"("shape":[1],"data_offsets":[0,4])"), "\"w\" lacks");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), "\"w\" lacks");
    expect_tensors_refused(one(R"("dtype":"X9","shape":[1],"data_offsets":[0,4])"), "unknown type \"X9\"");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"),
                           "is larger than the file");
    expect_tensors_refused(one(R"("dtype":"U8","shape":[3],"data_offsets":[0,4])"), "do not fill");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), "beyond the end");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), "beyond the end");
    expect_tensors_refused(one(R"("dtype":"F16","shape":[1],"data_offsets":[2,4])"), "does not start where");
    expect_tensors_refused(one(R"("dtype":"F16","shape":[1],"data_offsets":[0,2])"), "belong to no tensor");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4])"),
                           "larger");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4])"),
                           "not as the");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), "not as the");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), "not as the");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])"), "not as the");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])"),
                           "dimensions");
    expect_tensors_refused(one(R"("dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4])"),
                           "not as the");
    expect_tensors_refused(one(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])"),
                           "not as the");
    expect_tensors_refused(one(R"("dtype":null,"shape":[1],"data_offsets":[0,4])"), "not as the");
    expect_tensors_refused(one(R"("more":{},"dtype":"F32","shape":[1],"data_offsets":[0,4])"), "not as the");
    expect_tensors_refused(safetensors(R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                                       R"("w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                                       ""),
                           "\"w\" occurs twice");
    expect_tensors_refused(safetensors(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                                       R"("w":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                                       "abcd"),
                           "does not start where");
    std::string deep;
    for (int i = 0; i < 100000; ++i) {
        deep += "{\"w\":";
    }
    expect_tensors_refused(safetensors(deep, ""), "not as the");
}

TEST(SafetensorsProperty, EveryTruncationIsRefused) {
    const std::string whole = small_file();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::string cut(whole.data(), size);
        EXPECT_NE(tensor_refusal(cut), "") << size;
    }
}

TEST(SafetensorsProperty, DamageIsRefusedOrHarmless) {
    const std::string whole = small_file();
    std::mt19937 random(8);
    unsigned sum = 0;
    for (int round = 0; round < 5000; ++round) {
        std::string bad = whole;
        for (unsigned i = 0; i < 1 + random() % 4; ++i) {
            bad[random() % bad.size()] =
                round % 2 == 0 ? static_cast<char>(random()) : "0123456789[]{},\""[random() % 16];
        }
        try {
            for (const FolderTensor& t : parse_tensors(bad)) {
                for (std::size_t i = 0; i < t.bytes; ++i) {
                    sum += static_cast<unsigned>(t.data[i]);
                }
            }
        } catch (const Error&) {
        }
    }
    EXPECT_GT(sum, 0u);
}

std::string opening_tensors(const std::filesystem::path& path) {
    try {
        open_safetensors(path);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

std::string tensor_file(const std::string& name, char value) {
    return safetensors("{\"" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", {value});
}

TEST(SafetensorsFolder, OpensOneFile) {
    const TemporaryFolder folder;
    folder.write("config.json", R"({"model_type": "llama"})");
    folder.write("model.safetensors", small_file());
    const auto model = open_safetensors(folder.path());
    EXPECT_EQ(model->config()["model_type"], "llama");
    EXPECT_EQ(model->tensors().size(), 3u);
    EXPECT_EQ(model->bytes(), small_file().size());
    ASSERT_TRUE(model->find("b"));
    EXPECT_EQ(model->find("x"), nullptr);
}

TEST(SafetensorsFolder, OpensShardsByTheirIndex) {
    const TemporaryFolder folder;
    folder.write("config.json", "{}");
    folder.write("one.safetensors", tensor_file("a", 'A'));
    folder.write("two.safetensors", tensor_file("b", 'B'));
    folder.write("model.safetensors", "not looked at");
    folder.write("model.safetensors.index.json",
                 R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
    const auto model = open_safetensors(folder.path());
    EXPECT_EQ(model->tensors().size(), 2u);
    EXPECT_EQ(model->find("b")->data[0], std::byte{'B'});

    folder.write("two.safetensors", tensor_file("a", 'B'));
    EXPECT_NE(opening_tensors(folder.path()).find("\"a\" is also in an earlier file"), std::string::npos);
    std::filesystem::remove(folder.path() / "two.safetensors");
    EXPECT_NE(opening_tensors(folder.path()).find("two.safetensors: cannot be read"), std::string::npos);
}

TEST(SafetensorsFolder, AStaleIndexYieldsToTheWholeFile) {
    const TemporaryFolder folder;
    folder.write("config.json", "{}");
    folder.write("model.safetensors", tensor_file("a", 'W'));
    for (const char* index :
         {R"({"weight_map": {"a": "model-00001-of-00002.safetensors"}})", R"({"weight_map": {"a": "there"}})",
          R"({"weight_map": {}})", R"({"weight_map": {"a": 1}})", "{\"weight_map\"", ""}) {
        folder.write("there", tensor_file("a", 'S'));
        folder.write("model.safetensors.index.json", index);
        const auto model = open_safetensors(folder.path());
        ASSERT_TRUE(model->find("a")) << index;
        EXPECT_EQ(model->find("a")->data[0], std::byte{'W'}) << index;
        ASSERT_EQ(model->notes().size(), 1u);
        EXPECT_NE(model->notes()[0].find("index.json does not belong"), std::string::npos);
    }
    // One that names more than the whole file has, or the file itself, is none.
    folder.write("there", tensor_file("b", 'S'));
    for (const char* index : {R"({"weight_map": {"a": "model.safetensors", "b": "there"}})",
                              R"({"weight_map": {"b": "there"}})"}) {
        folder.write("model.safetensors.index.json", index);
        const auto model = open_safetensors(folder.path());
        EXPECT_TRUE(model->find("b")) << index;
        EXPECT_TRUE(model->notes().empty());
    }
}

TEST(SafetensorsFolder, TheIndexCannotLeadOutOfTheFolder) {
    const TemporaryFolder folder;
    folder.write("config.json", "{}");
    for (const char* name : {"../x.safetensors", "/etc/passwd", "..", "", "a\\\\b", "x\\u0000y"}) {
        folder.write("model.safetensors.index.json",
                     std::string(R"({"weight_map": {"a": ")") + name + "\"}}");
        EXPECT_NE(opening_tensors(folder.path()).find("no file name for \"a\""), std::string::npos) << name;
    }
    for (const char* json : {"[]", "{}", "3", R"({"weight_map": []})", R"({"weight_map": {"a": 1}})"}) {
        folder.write("model.safetensors.index.json", json);
        EXPECT_NE(opening_tensors(folder.path()).find("weight_map"), std::string::npos) << json;
    }
}

TEST(SafetensorsFolder, SaysWhatIsMissing) {
    const TemporaryFolder folder;
    EXPECT_NE(opening_tensors(folder.path()).find("config.json: cannot be read"), std::string::npos);
    EXPECT_NE(opening_tensors(folder.path() / "none").find("not a folder"), std::string::npos);
    folder.write("config.json", "[1]");
    EXPECT_NE(opening_tensors(folder.path()).find("not a JSON object"), std::string::npos);
    folder.write("config.json", "{\"a\": ");
    EXPECT_NE(opening_tensors(folder.path()).find("config.json: is not JSON"), std::string::npos);
    folder.write("config.json", std::string(100000, '['));
    EXPECT_NE(opening_tensors(folder.path()).find("deep"), std::string::npos);
    folder.write("config.json", "{}");
    EXPECT_NE(opening_tensors(folder.path()).find("holds no model.safetensors"), std::string::npos);
    folder.write("pytorch_model.bin", "x");
    EXPECT_NE(opening_tensors(folder.path()).find("convert it to safetensors"), std::string::npos);
}

TEST(SafetensorsFolder, RefusesASparseTerabyteAtOnce) {
    const TemporaryFolder folder;
    folder.write("config.json", "{}");
    for (const std::uint64_t claim : {1ull << 39, 100'000'000ull}) {
        const auto path = folder.write("model.safetensors", samples::Bytes().put(claim).raw("{").str());
        std::filesystem::resize_file(path, 1ull << 40);
        const auto before = std::chrono::steady_clock::now();
        EXPECT_NE(opening_tensors(folder.path()), "");
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(100));
    }
}

} // namespace
} // namespace switchyard
