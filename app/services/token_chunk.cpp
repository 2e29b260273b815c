#include "app/services/token_chunk.h"

#include "engine/base/error.h"

#include <QDataStream>
#include <QIODevice>

namespace switchyard {

namespace {

constexpr quint8 kChunkVersion = 1;
constexpr quint8 kHasControl = 1, kOtherDials = 2, kOtherMemory = 4, kHasWeights = 8, kDrafted = 16;
constexpr quint32 kMostLayers = 4096; ///< more than any answer's weights have

bool sameDials(const TokenRecord& a, const TokenRecord& b) {
    return a.temperature == b.temperature && a.top_p == b.top_p && a.experts_active == b.experts_active &&
           a.kv == b.kv && a.quant == b.quant && a.recoded_slices == b.recoded_slices &&
           a.recode_total == b.recode_total && a.weights_version == b.weights_version;
}

bool sameMemory(const TokenRecord& a, const TokenRecord& b) {
    return a.weights_bytes == b.weights_bytes && a.kv_bytes == b.kv_bytes &&
           a.scratch_bytes == b.scratch_bytes;
}

QByteArray bytesOf(std::string_view text) {
    return QByteArray(text.data(), static_cast<qsizetype>(text.size()));
}

std::string textFrom(QDataStream& in) {
    QByteArray bytes;
    in >> bytes;
    return bytes.toStdString();
}

/// By name: the order of the types in the program may change.
BlockType typeOf(const std::string& name) {
    for (int i = 0; i < kBlockTypes; ++i) {
        if (traits(static_cast<BlockType>(i)).name == name)
            return static_cast<BlockType>(i);
    }
    throw Error("a stored token names an unknown type");
}

/// How the weights stood; a layer with the file's own bits has no name.
void writeWeights(QDataStream& out, const WeightsState& state) {
    out << static_cast<quint32>(state.size());
    for (const RecodeLayer& layer : state)
        out << bytesOf(layer.type ? traits(*layer.type).name : std::string_view()) << quint32{layer.slices};
}

void writeToken(QDataStream& out, const TokenRecord& token, const TokenRecord& before) {
    const bool dials = !sameDials(token, before), memory = !sameMemory(token, before);
    out << static_cast<quint8>((token.control.empty() ? 0 : kHasControl) | (dials ? kOtherDials : 0) |
                               (memory ? kOtherMemory : 0) | (token.weights ? kHasWeights : 0) |
                               (token.drafted ? kDrafted : 0));
    out << qint32{token.id} << bytesOf(token.text) << token.latency_ms << token.probability;
    if (!token.control.empty())
        out << bytesOf(token.control);
    if (dials)
        out << token.temperature << token.top_p << qint32{token.experts_active}
            << bytesOf(traits(token.kv).name) << bytesOf(token.quant) << quint32{token.recoded_slices}
            << quint32{token.recode_total} << static_cast<quint64>(token.weights_version);
    if (memory)
        out << static_cast<quint64>(token.weights_bytes) << static_cast<quint64>(token.kv_bytes)
            << static_cast<quint64>(token.scratch_bytes);
    if (token.weights)
        writeWeights(out, *token.weights);
}

template <typename Stored, typename Number>
void readNumber(QDataStream& in, Number& number) {
    Stored stored{};
    in >> stored;
    number = static_cast<Number>(stored);
}

WeightsState readWeights(QDataStream& in) {
    quint32 count = 0;
    in >> count;
    if (count > kMostLayers)
        throw Error("a stored token has too many layers of weights");
    WeightsState state(count);
    for (RecodeLayer& layer : state) {
        if (const std::string name = textFrom(in); !name.empty())
            layer.type = typeOf(name);
        readNumber<quint32>(in, layer.slices);
    }
    return state;
}

/// `token` is the one before.
void readToken(QDataStream& in, TokenRecord& token) {
    quint8 flags = 0;
    in >> flags;
    readNumber<qint32>(in, token.id);
    token.text = textFrom(in);
    in >> token.latency_ms >> token.probability;
    token.drafted = (flags & kDrafted) != 0;
    token.control = (flags & kHasControl) != 0 ? textFrom(in) : std::string();
    if ((flags & kOtherDials) != 0) {
        in >> token.temperature >> token.top_p;
        readNumber<qint32>(in, token.experts_active);
        token.kv = typeOf(textFrom(in));
        token.quant = textFrom(in);
        readNumber<quint32>(in, token.recoded_slices);
        readNumber<quint32>(in, token.recode_total);
        readNumber<quint64>(in, token.weights_version);
    }
    if ((flags & kOtherMemory) != 0) {
        readNumber<quint64>(in, token.weights_bytes);
        readNumber<quint64>(in, token.kv_bytes);
        readNumber<quint64>(in, token.scratch_bytes);
    }
    token.weights.reset();
    if ((flags & kHasWeights) != 0)
        token.weights = readWeights(in);
}

} // namespace

QByteArray packTokens(std::span<const TokenRecord> tokens) {
    QByteArray bytes;
    QDataStream out(&bytes, QIODevice::WriteOnly);
    out.setVersion(QDataStream::Qt_6_0);
    out << kChunkVersion;
    TokenRecord before;
    for (const TokenRecord& token : tokens) {
        writeToken(out, token, before);
        before = token;
    }
    return qCompress(bytes, 1);
}

void unpackTokens(const QByteArray& bytes, int count, std::vector<TokenRecord>& tokens) {
    const QByteArray plain = qUncompress(bytes);
    QDataStream in(plain);
    in.setVersion(QDataStream::Qt_6_0);
    quint8 version = 0;
    in >> version;
    TokenRecord token;
    for (int i = 0; i < count && version == kChunkVersion && in.status() == QDataStream::Ok; ++i) {
        readToken(in, token);
        tokens.push_back(token);
    }
    if (version != kChunkVersion || in.status() != QDataStream::Ok || !in.atEnd())
        throw Error("a stored stretch of tokens is not readable");
}

} // namespace switchyard
