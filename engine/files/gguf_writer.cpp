#include "engine/files/gguf_writer.h"

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/files/output_file.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <system_error>

namespace switchyard {

namespace {

/// Collects the header's bytes.
class HeaderBytes {
  public:
    template <typename T>
    void put(T value) {
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put_text(std::string_view text) {
        put(static_cast<std::uint64_t>(text.size()));
        bytes_ += text;
    }
    void pad(std::uint64_t alignment) {
        bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    }
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

template <typename T>
void put_number(HeaderBytes& out, GgufType type, T value) {
    switch (type) {
    case GgufType::U8:
        return out.put(static_cast<std::uint8_t>(value));
    case GgufType::I8:
        return out.put(static_cast<std::int8_t>(value));
    case GgufType::U16:
        return out.put(static_cast<std::uint16_t>(value));
    case GgufType::I16:
        return out.put(static_cast<std::int16_t>(value));
    case GgufType::U32:
        return out.put(static_cast<std::uint32_t>(value));
    case GgufType::I32:
        return out.put(static_cast<std::int32_t>(value));
    case GgufType::F32:
        return out.put(static_cast<float>(value));
    case GgufType::U64:
        return out.put(static_cast<std::uint64_t>(value));
    case GgufType::I64:
        return out.put(static_cast<std::int64_t>(value));
    case GgufType::F64:
        return out.put(static_cast<double>(value));
    default:
        throw Error("a number cannot be written as that kind of metadata");
    }
}

/// The width other programs expect of a value that was not in a file before: 32 bits where it fits.
GgufType usual_type(std::uint64_t largest) {
    return largest <= std::numeric_limits<std::uint32_t>::max() ? GgufType::U32 : GgufType::U64;
}
GgufType usual_type(std::int64_t lowest, std::int64_t highest) {
    const bool fits = lowest >= std::numeric_limits<std::int32_t>::min() &&
                      highest <= std::numeric_limits<std::int32_t>::max();
    return fits ? GgufType::I32 : GgufType::I64;
}

/// Writes the type and the value.
struct PutValue {
    HeaderBytes& out;
    GgufType stored;

    GgufType type(GgufType usual) const { return stored == GgufType::Unset ? usual : stored; }
    void put_type(GgufType t) const { out.put(static_cast<std::uint32_t>(t)); }
    void start_array(GgufType element, std::size_t count) const {
        put_type(GgufType::Array);
        put_type(element);
        out.put(static_cast<std::uint64_t>(count));
    }
    template <typename T>
    void scalar(GgufType t, T value) const {
        put_type(t);
        put_number(out, t, value);
    }
    template <typename T>
    void array(GgufType t, const std::vector<T>& values) const {
        start_array(t, values.size());
        for (const T value : values) {
            put_number(out, t, value);
        }
    }

    void operator()(std::uint64_t v) const { scalar(type(usual_type(v)), v); }
    void operator()(std::int64_t v) const { scalar(type(usual_type(v, v)), v); }
    void operator()(double v) const { scalar(type(GgufType::F32), v); }
    void operator()(bool v) const {
        put_type(GgufType::Bool);
        out.put(static_cast<std::uint8_t>(v));
    }
    void operator()(const std::string& v) const {
        put_type(GgufType::String);
        out.put_text(v);
    }
    void operator()(const std::vector<std::uint64_t>& v) const {
        array(type(usual_type(v.empty() ? 0 : *std::ranges::max_element(v))), v);
    }
    void operator()(const std::vector<std::int64_t>& v) const {
        const auto usual = v.empty() ? GgufType::I32
                                     : usual_type(*std::ranges::min_element(v), *std::ranges::max_element(v));
        array(type(usual), v);
    }
    void operator()(const std::vector<double>& v) const { array(type(GgufType::F32), v); }
    void operator()(const std::vector<bool>& v) const {
        start_array(GgufType::Bool, v.size());
        for (const bool b : v) {
            out.put(static_cast<std::uint8_t>(b));
        }
    }
    void operator()(const std::vector<std::string>& v) const {
        start_array(GgufType::String, v.size());
        for (const std::string& s : v) {
            out.put_text(s);
        }
    }
};

std::uint64_t padded(std::uint64_t bytes, std::uint64_t alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
}

std::uint64_t bytes_of(const TensorView& t) {
    const BlockTraits& type = traits(t.type);
    if (t.shape.empty() || t.shape.size() > 4 || t.cols() % type.values != 0) {
        throw Error("tensor " + in_quotes(t.name) + " cannot be written as " + std::string(type.name) +
                    ": its rows are not whole blocks");
    }
    std::uint64_t bytes = row_bytes(t.type, t.cols());
    for (std::size_t i = 1; i < t.shape.size(); ++i) {
        bytes *= static_cast<std::uint64_t>(t.shape[i]);
    }
    return bytes;
}

} // namespace

struct GgufWriter::State {
    std::filesystem::path path;
    std::optional<OutputFile> file; ///< until finish()
    std::uint64_t alignment = 32;
    std::vector<std::string> names;
    std::vector<std::uint64_t> sizes; ///< of the tensors, without padding
    std::size_t current = 0;          ///< tensor being written
    std::uint64_t written = 0;        ///< of it

    [[noreturn]] void fail(const std::string& why) {
        file.reset();
        throw Error(path.string() + ": cannot be written: " + why);
    }

    /// Pads finished tensors (also those of no bytes) and moves on.
    void advance() {
        static constexpr char kZeros[64] = {};
        while (current < sizes.size() && written == sizes[current]) {
            for (std::uint64_t left = padded(written, alignment) - written; left > 0;) {
                const auto piece = std::min<std::uint64_t>(left, sizeof kZeros);
                file->write(kZeros, piece);
                left -= piece;
            }
            ++current;
            written = 0;
        }
    }
};

GgufWriter::GgufWriter(std::filesystem::path path, const Metadata& metadata, std::vector<TensorView> tensors)
    : state_(std::make_unique<State>()) {
    State& s = *state_;
    s.path = std::move(path);
    s.alignment = metadata.uint("general.alignment").value_or(32);
    if (!std::has_single_bit(s.alignment) || s.alignment < 8) {
        s.fail("general.alignment is not a power of two from 8 on");
    }
    HeaderBytes header;
    header.put(std::uint32_t{0x46554747}); // "GGUF"
    header.put(std::uint32_t{3});
    header.put(static_cast<std::uint64_t>(tensors.size()));
    header.put(static_cast<std::uint64_t>(metadata.entries().size()));
    for (std::size_t i = 0; i < metadata.entries().size(); ++i) {
        header.put_text(metadata.entries()[i].first);
        std::visit(PutValue{header, metadata.stored(i)}, metadata.entries()[i].second);
    }
    std::uint64_t offset = 0;
    for (const TensorView& t : tensors) {
        if (traits(t.type).gguf_type < 0) {
            s.fail("GGUF cannot hold " + t.name + " as " + std::string(traits(t.type).name));
        }
        s.names.push_back(t.name);
        s.sizes.push_back(bytes_of(t));
        header.put_text(t.name);
        header.put(static_cast<std::uint32_t>(t.shape.size()));
        for (const std::int64_t extent : t.shape) {
            header.put(static_cast<std::uint64_t>(extent));
        }
        header.put(t.integers ? kGgufIntegers : static_cast<std::uint32_t>(traits(t.type).gguf_type));
        header.put(offset);
        offset += padded(s.sizes.back(), s.alignment);
    }
    header.pad(s.alignment);

    std::error_code no_answer;
    const auto folder = s.path.has_parent_path() ? s.path.parent_path() : std::filesystem::path(".");
    const auto space = std::filesystem::space(folder, no_answer);
    const std::uint64_t needed = offset + header.bytes().size();
    if (!no_answer && space.available < needed) {
        s.fail("it needs " + std::to_string(needed >> 20) + " MiB, free are " +
               std::to_string(space.available >> 20) + " MiB");
    }
    s.file.emplace(s.path);
    s.file->write(header.bytes().data(), header.bytes().size());
    s.advance();
}

GgufWriter::~GgufWriter() = default;

void GgufWriter::append(std::span<const std::byte> bytes) {
    State& s = *state_;
    if (bytes.empty()) {
        return;
    }
    if (s.current == s.sizes.size()) {
        s.fail("more data than its tensors hold");
    }
    if (bytes.size() > s.sizes[s.current] - s.written) {
        s.fail("tensor " + in_quotes(s.names[s.current]) + " got more data than it holds");
    }
    s.file->write(bytes.data(), bytes.size());
    s.written += bytes.size();
    s.advance();
}

void GgufWriter::finish() {
    State& s = *state_;
    if (!s.file) {
        s.fail("the file was already closed");
    }
    if (s.current != s.sizes.size()) {
        s.fail("tensor " + in_quotes(s.names[s.current]) + " is not whole");
    }
    s.file->finish();
    s.file.reset();
}

} // namespace switchyard
