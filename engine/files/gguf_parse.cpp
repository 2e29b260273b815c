#include "engine/files/gguf_parse.h"

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_set>

namespace switchyard {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place as little endian");

namespace {

// Bounds far above any real model, so that a hostile file is refused before it costs time or memory.
constexpr std::uint64_t kMaxKeys = 1 << 16;
constexpr std::uint64_t kMaxTensors = 1 << 20;
constexpr std::uint64_t kMaxElements = 1 << 24;    // of one array; vocabularies have under 2^19
constexpr std::uint64_t kMaxString = 64ull << 20;  // chat templates, embedded tokenizer files
constexpr std::uint64_t kMaxName = 1024;           // keys and tensor names
constexpr std::uint64_t kMaxHeader = 512ull << 20; // all metadata together
constexpr std::uint64_t kMaxAlignment = 1 << 20;

/// Takes values off the front of the header, never past its end.
class Cursor {
  public:
    Cursor(std::span<const std::byte> bytes, const std::string& name)
        : bytes_(bytes.first(std::min<std::size_t>(bytes.size(), kMaxHeader))), name_(name) {}

    std::size_t position() const { return position_; }
    std::uint64_t left() const { return bytes_.size() - position_; }
    [[noreturn]] void fail(const std::string& why) const { throw Error(name_ + ": " + why); }

    template <typename T>
    T take(const std::string& what) {
        need(sizeof(T), what);
        T value;
        std::memcpy(&value, bytes_.data() + position_, sizeof value);
        position_ += sizeof value;
        return value;
    }

    std::string_view text(std::uint64_t longest, const std::string& what) {
        const auto length = take<std::uint64_t>(what);
        if (length > longest) {
            fail(what + " claims " + std::to_string(length) + " bytes of text");
        }
        need(length, what);
        const std::string_view view(reinterpret_cast<const char*>(bytes_.data() + position_), length);
        position_ += length;
        return view;
    }

    void need(std::uint64_t count, const std::string& what) const {
        if (count > left()) {
            fail("the file ends inside " + what);
        }
    }

    void seek(std::size_t position) { position_ = position; }

  private:
    std::span<const std::byte> bytes_;
    const std::string& name_;
    std::size_t position_ = 0;
};

int scalar_bytes(GgufType type) {
    switch (type) {
    case GgufType::U8:
    case GgufType::I8:
    case GgufType::Bool:
        return 1;
    case GgufType::U16:
    case GgufType::I16:
        return 2;
    case GgufType::U32:
    case GgufType::I32:
    case GgufType::F32:
        return 4;
    default:
        return 8;
    }
}

GgufType take_type(Cursor& in, const std::string& what) {
    const auto number = in.take<std::uint32_t>(what);
    if (number >= static_cast<std::uint32_t>(GgufType::Unset)) {
        in.fail(what + " has the unknown value type " + std::to_string(number));
    }
    return static_cast<GgufType>(number);
}

/// A number of stored type `type`, widened to T.
template <typename T>
T take_number(Cursor& in, GgufType type, const std::string& what) {
    switch (type) {
    case GgufType::U8:
        return static_cast<T>(in.take<std::uint8_t>(what));
    case GgufType::I8:
        return static_cast<T>(in.take<std::int8_t>(what));
    case GgufType::U16:
        return static_cast<T>(in.take<std::uint16_t>(what));
    case GgufType::I16:
        return static_cast<T>(in.take<std::int16_t>(what));
    case GgufType::U32:
        return static_cast<T>(in.take<std::uint32_t>(what));
    case GgufType::I32:
        return static_cast<T>(in.take<std::int32_t>(what));
    case GgufType::F32:
        return static_cast<T>(in.take<float>(what));
    case GgufType::U64:
        return static_cast<T>(in.take<std::uint64_t>(what));
    case GgufType::I64:
        return static_cast<T>(in.take<std::int64_t>(what));
    case GgufType::F64:
        return static_cast<T>(in.take<double>(what));
    default:
        in.fail(what + " is not a number");
    }
}

template <typename T>
std::vector<T> take_numbers(Cursor& in, GgufType type, std::uint64_t count, const std::string& what) {
    std::vector<T> out;
    out.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        out.push_back(take_number<T>(in, type, what));
    }
    return out;
}

std::vector<std::string> take_texts(Cursor& in, std::uint64_t count, const std::string& what) {
    // Walk the lengths first: a count that lies is found before anything is allocated for it.
    const std::size_t start = in.position();
    for (std::uint64_t i = 0; i < count; ++i) {
        in.text(kMaxString, what);
    }
    in.seek(start);
    std::vector<std::string> out;
    out.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        out.emplace_back(in.text(kMaxString, what));
    }
    return out;
}

MetadataValue take_array(Cursor& in, GgufType type, const std::string& what) {
    const auto count = in.take<std::uint64_t>(what);
    if (type == GgufType::Array) {
        in.fail(what + " is an array of arrays, which is not read");
    }
    if (count > kMaxElements) {
        in.fail(what + " claims " + std::to_string(count) + " elements");
    }
    in.need(count * static_cast<std::uint64_t>(scalar_bytes(type)), what);
    switch (type) {
    case GgufType::Bool: {
        std::vector<bool> out;
        for (std::uint64_t i = 0; i < count; ++i) {
            out.push_back(in.take<std::uint8_t>(what) != 0);
        }
        return out;
    }
    case GgufType::String:
        return take_texts(in, count, what);
    case GgufType::F32:
    case GgufType::F64:
        return take_numbers<double>(in, type, count, what);
    case GgufType::U8:
    case GgufType::U16:
    case GgufType::U32:
    case GgufType::U64:
        return take_numbers<std::uint64_t>(in, type, count, what);
    default:
        return take_numbers<std::int64_t>(in, type, count, what);
    }
}

void take_entry(Cursor& in, Metadata& metadata, std::unordered_set<std::string>& seen, std::uint64_t index) {
    std::string key(in.text(kMaxName, "metadata key number " + std::to_string(index)));
    const std::string what = "metadata key " + in_quotes(key);
    if (key.empty()) {
        in.fail("metadata key number " + std::to_string(index) + " has no name");
    }
    if (!seen.insert(key).second) {
        in.fail(what + " occurs twice");
    }
    GgufType type = take_type(in, what);
    MetadataValue value;
    switch (type) {
    case GgufType::Bool:
        value = in.take<std::uint8_t>(what) != 0;
        break;
    case GgufType::String:
        value = std::string(in.text(kMaxString, what));
        break;
    case GgufType::Array:
        type = take_type(in, what); // the elements'
        value = take_array(in, type, what);
        break;
    case GgufType::F32:
    case GgufType::F64:
        value = take_number<double>(in, type, what);
        break;
    case GgufType::U8:
    case GgufType::U16:
    case GgufType::U32:
    case GgufType::U64:
        value = take_number<std::uint64_t>(in, type, what);
        break;
    default:
        value = take_number<std::int64_t>(in, type, what);
    }
    metadata.set_stored(std::move(key), std::move(value), type);
}

/// The block type of a GGUF type number. Throws Error for types that are not read.
BlockType block_type(const Cursor& in, std::uint32_t number, const std::string& what) {
    std::string known;
    for (int i = 0; i < kBlockTypes; ++i) {
        const BlockTraits& t = traits(static_cast<BlockType>(i));
        if (t.gguf_type >= 0 && static_cast<std::uint32_t>(t.gguf_type) == number) {
            return static_cast<BlockType>(i);
        }
        known += (i == 0 ? "" : ", ") + std::string(t.name);
    }
    in.fail(what + " has the type number " + std::to_string(number) + ", which is not read (read are " +
            known + ")");
}

struct TensorInfo {
    TensorView view; ///< without data
    std::uint64_t offset;
};

/// Bytes of a tensor of that shape. Throws Error where they exceed `limit` or rows are not whole blocks.
std::uint64_t tensor_bytes(const Cursor& in, const TensorView& t, std::uint64_t limit,
                           const std::string& what) {
    const BlockTraits& type = traits(t.type);
    if (std::ranges::find(t.shape, 0) != t.shape.end()) {
        return 0;
    }
    if (t.cols() % type.values != 0) {
        in.fail(what + " has rows of " + std::to_string(t.cols()) + " values, which is no multiple of " +
                std::string(type.name) + "'s block of " + std::to_string(type.values));
    }
    std::uint64_t bytes = static_cast<std::uint64_t>(type.bytes);
    for (std::size_t i = 0; i < t.shape.size(); ++i) {
        const auto factor = static_cast<std::uint64_t>(i == 0 ? t.shape[0] / type.values : t.shape[i]);
        if (factor > limit / bytes) {
            in.fail(what + " is larger than the file");
        }
        bytes *= factor;
    }
    return bytes;
}

TensorInfo take_tensor(Cursor& in, std::unordered_set<std::string>& seen, std::uint64_t index,
                       std::uint64_t file_size) {
    TensorInfo info;
    TensorView& view = info.view;
    view.name = in.text(kMaxName, "the name of tensor number " + std::to_string(index));
    const std::string what = "tensor " + in_quotes(view.name);
    if (view.name.empty()) {
        in.fail("tensor number " + std::to_string(index) + " has no name");
    }
    if (!seen.insert(view.name).second) {
        in.fail(what + " occurs twice");
    }
    const auto dimensions = in.take<std::uint32_t>(what);
    if (dimensions < 1 || dimensions > 4) {
        in.fail(what + " has " + std::to_string(dimensions) + " dimensions");
    }
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        const auto extent = in.take<std::uint64_t>(what);
        if (extent > std::uint64_t{1} << 62) {
            in.fail(what + " has a dimension of " + std::to_string(extent));
        }
        view.shape.push_back(static_cast<std::int64_t>(extent));
    }
    const auto type = in.take<std::uint32_t>(what);
    view.integers = type == kGgufIntegers; // tables of experts
    view.type = view.integers ? BlockType::F32 : block_type(in, type, what);
    info.offset = in.take<std::uint64_t>(what);
    view.bytes = tensor_bytes(in, view, file_size, what);
    return info;
}

/// Reads magic and version. Throws Error where the file is something else.
void take_start(Cursor& in) {
    if (in.left() < 4 || in.take<std::uint32_t>("the magic number") != 0x46554747u) { // "GGUF"
        in.fail("is not a GGUF file");
    }
    const auto version = in.take<std::uint32_t>("the version");
    if (version != 2 && version != 3) {
        const bool swapped = version != 0 && (version & 0xffffu) == 0;
        in.fail(swapped ? "is a big-endian GGUF file, which is not read"
                        : "has GGUF version " + std::to_string(version) + "; versions 2 and 3 are read");
    }
}

/// general.alignment, 32 where the key is absent.
std::uint64_t data_alignment(const Cursor& in, const Metadata& metadata) {
    std::uint64_t alignment = 32;
    try {
        alignment = metadata.uint("general.alignment").value_or(alignment);
    } catch (const Error& error) {
        in.fail(error.what()); // look-ups do not know the file
    }
    if (!std::has_single_bit(alignment) || alignment < 8 || alignment > kMaxAlignment) {
        in.fail("general.alignment is " + std::to_string(alignment) + ", not a power of two from 8 on");
    }
    return alignment;
}

} // namespace

GgufHeader parse_gguf(std::span<const std::byte> bytes, const std::string& name) {
    Cursor in(bytes, name);
    take_start(in);
    const auto tensors = in.take<std::uint64_t>("the tensor count");
    const auto keys = in.take<std::uint64_t>("the metadata count");
    // The shortest tensor entry is 33 bytes, the shortest key 14.
    if (tensors > kMaxTensors || tensors > in.left() / 33) {
        in.fail("claims " + std::to_string(tensors) + " tensors, more than it has room for (cut short?)");
    }
    if (keys > kMaxKeys || keys > in.left() / 14) {
        in.fail("claims " + std::to_string(keys) + " metadata keys, more than it has room for (cut short?)");
    }
    GgufHeader header;
    std::unordered_set<std::string> seen;
    for (std::uint64_t i = 0; i < keys; ++i) {
        take_entry(in, header.metadata, seen, i);
    }
    const std::uint64_t alignment = data_alignment(in, header.metadata);
    seen.clear();
    std::vector<std::uint64_t> offsets;
    for (std::uint64_t i = 0; i < tensors; ++i) {
        TensorInfo info = take_tensor(in, seen, i, bytes.size());
        if (info.view.bytes == 0) {
            header.empty.push_back(std::move(info.view.name));
            continue;
        }
        offsets.push_back(info.offset);
        header.tensors.push_back(std::move(info.view));
    }
    const std::uint64_t data = (in.position() + alignment - 1) / alignment * alignment;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        TensorView& t = header.tensors[i];
        const std::string what = "tensor " + in_quotes(t.name);
        if (offsets[i] % alignment != 0) {
            in.fail(what + " starts at " + std::to_string(offsets[i]) + ", which is not aligned to " +
                    std::to_string(alignment));
        }
        if (data > bytes.size() || offsets[i] > bytes.size() - data ||
            t.bytes > bytes.size() - data - offsets[i]) {
            in.fail(what + " lies beyond the end of the file (cut short?)");
        }
        t.data = bytes.data() + data + offsets[i];
    }
    return header;
}

} // namespace switchyard
