// The models that the scripted services pretend to have.
#include "tests/support/fake_script.h"

namespace switchyard {

namespace {

Capabilities exampleModel(const QString& name, quint64 bytes) {
    Capabilities c;
    c.ready = true;
    c.model_path = QStringLiteral("/models/") + name;
    c.model_name = name;
    c.model_fingerprint = QStringLiteral("example of ") + name;
    c.device = QStringLiteral("CPU, 2 threads");
    c.file_precision = QStringLiteral("Q8_0");
    c.context = 8192;
    c.weights_bytes = bytes;
    c.kv_bytes_per_token = 31104;
    c.memory_total = 16ull << 30;
    c.memory_available = 11ull << 30;
    // Bits a weight, against the file's 8.5.
    const std::pair<const char*, double> choices[] = {{"F16", 16},   {"BF16", 16},  {"Q8_0", 8.5},
                                                      {"Q6_K", 6.5}, {"Q5_1", 6},   {"Q5_0", 5.5},
                                                      {"Q4_1", 5},   {"Q4_K", 4.5}, {"Q4_0", 4.5}};
    for (const auto& [type, bits] : choices) {
        ChoiceForecast choice;
        choice.name = QString::fromLatin1(type);
        choice.bytes = static_cast<quint64>(static_cast<double>(bytes) * bits / 8.5);
        choice.speed = {36.0 * 8.5 / bits, 44.0 * 8.5 / bits};
        choice.no_gain = bits > 8.5;
        if (choice.name == QLatin1String("Q4_K"))
            choice.note = QStringLiteral("Q4_0 where rows are not divisible by 256");
        c.weights.push_back(choice);
    }
    for (const auto& [type, share] : {std::pair{"F16", 32}, {"Q8_0", 17}, {"Q4_0", 9}}) {
        ChoiceForecast choice;
        choice.name = QString::fromLatin1(type);
        choice.bytes = c.kv_bytes_per_token * 8192 * static_cast<quint64>(share) / 32;
        choice.speed = {38, 44};
        c.kv.push_back(choice);
    }
    return c;
}

} // namespace

Capabilities denseModel() {
    Capabilities c = exampleModel(QStringLiteral("Example-Dense-135M-Q8_0.gguf"), 143ull << 20);
    c.architecture = QStringLiteral("llama");
    c.can_carve = true;
    return c;
}

Capabilities mixtureModel() {
    Capabilities c = exampleModel(QStringLiteral("Example-MoE-16B-Q8_0.gguf"), 9400ull << 20);
    c.architecture = QStringLiteral("deepseek");
    c.experts = 64;
    c.experts_active = 6;
    c.defaults.sequence.experts = 6;
    return c;
}

/// A space or line break opens a token, as in byte-level BPE; a CJK character is one of its own.
template <class Take>
static void eachPiece(QStringView text, const Take& take) {
    qsizetype from = 0;
    const auto end = [&](qsizetype to) {
        if (to > from)
            take(text.sliced(from, to - from));
        from = to;
    };
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text[i];
        if (c.isSpace() || c.unicode() >= 0x2E80)
            end(i);
        if (c.isHighSurrogate() && i + 1 < text.size())
            ++i;
        else if (c.unicode() >= 0x2E80)
            end(i + 1);
    }
    end(text.size());
}

std::vector<std::string> splitText(const QString& text) {
    std::vector<std::string> pieces;
    eachPiece(text, [&](QStringView piece) { pieces.push_back(piece.toUtf8().toStdString()); });
    return pieces;
}

int countPieces(const QString& text) {
    int count = 0;
    eachPiece(text, [&](QStringView) { ++count; });
    return count;
}

} // namespace switchyard
