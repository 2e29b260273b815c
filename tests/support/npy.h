// Reads the arrays the reference models come with (NumPy's .npy format, version 1, little-endian, C order).
#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace switchyard::test {

template <typename T>
struct Array {
    std::vector<std::size_t> shape;
    std::vector<T> values;
};

template <typename Stored, typename T>
void read_values(std::istream& in, std::vector<T>& values) {
    for (T& v : values) {
        Stored s;
        in.read(reinterpret_cast<char*>(&s), sizeof s);
        v = static_cast<T>(s);
    }
}

template <typename T>
Array<T> read_npy(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    char magic[10];
    if (!in.read(magic, 10))
        throw std::runtime_error("cannot read " + path);
    std::string header(static_cast<unsigned char>(magic[8]) + 256u * static_cast<unsigned char>(magic[9]),
                       ' ');
    in.read(header.data(), static_cast<std::streamsize>(header.size()));
    Array<T> array;
    std::size_t count = 1;
    const std::size_t open = header.find('(');
    std::stringstream shape(header.substr(open + 1, header.find(')') - open - 1));
    for (std::string n; std::getline(shape, n, ',');)
        if (n.find_first_of("0123456789") != std::string::npos) {
            array.shape.push_back(std::stoul(n));
            count *= array.shape.back();
        }
    array.values.resize(count);
    const auto has = [&](const char* descr) { return header.find(descr) != std::string::npos; };
    if (has("'<f4'"))
        read_values<float>(in, array.values);
    else if (has("'<i8'"))
        read_values<std::int64_t>(in, array.values);
    else if (has("'<i4'"))
        read_values<std::int32_t>(in, array.values);
    else
        throw std::runtime_error("unknown type in " + path);
    if (!in)
        throw std::runtime_error("truncated: " + path);
    return array;
}

} // namespace switchyard::test
