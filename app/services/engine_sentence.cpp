#include "app/services/engine_sentence.h"

#include <QCoreApplication>
#include <QDir>
#include <QLocale>
#include <QRegularExpression>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr const char* kContext = "EngineErrors";

/// The engine's sentences, with %1, %2 ... for what it fills in. An earlier one that fits is taken.
constexpr const char* kSentences[] = {
    QT_TRANSLATE_NOOP("EngineErrors", "is not a GGUF file"),
    QT_TRANSLATE_NOOP("EngineErrors", "the file is empty"),
    QT_TRANSLATE_NOOP("EngineErrors", "is not a regular file"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "cannot be read: part %1 of %2 is missing; put it beside the first one"),
    QT_TRANSLATE_NOOP("EngineErrors", "cannot be read: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "cannot be written: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "cannot be mapped into memory: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "the file ends inside %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 lies beyond the end of the file (cut short?)"),
    QT_TRANSLATE_NOOP("EngineErrors", "claims %1 tensors, more than it has room for (cut short?)"),
    QT_TRANSLATE_NOOP("EngineErrors", "claims %1 metadata keys, more than it has room for (cut short?)"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "was cut short or could no longer be read while it was in use; restore the file and "
                      "load it again"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "%1: was cut short or could no longer be read while it was in use; restore the file "
                      "and load it again"),
    QT_TRANSLATE_NOOP("EngineErrors", "is a big-endian GGUF file, which is not read"),
    QT_TRANSLATE_NOOP("EngineErrors", "has GGUF version %1; versions 2 and 3 are read"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 is larger than the file"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 occurs twice"),
    QT_TRANSLATE_NOOP("EngineErrors", "the architecture %1 is not known to this program%2"),
    QT_TRANSLATE_NOOP("EngineErrors", "the architecture %1 is not known to this program"),
    QT_TRANSLATE_NOOP("EngineErrors", "the key general.architecture is missing: not a language model"),
    QT_TRANSLATE_NOOP("EngineErrors", "the key %1 is missing"),
    QT_TRANSLATE_NOOP("EngineErrors", "the key %1 is %2, which is not known"),
    QT_TRANSLATE_NOOP("EngineErrors", "the tensor %1 is missing"),
    QT_TRANSLATE_NOOP("EngineErrors", "the tensor %1 is not known in a model of architecture %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "the tensor %1 is %2, expected %3"),
    QT_TRANSLATE_NOOP("EngineErrors", "is part %1 of a split model; open its first part"),
    QT_TRANSLATE_NOOP("EngineErrors", "is not part %1 of %2 by its own split keys"),
    QT_TRANSLATE_NOOP("EngineErrors", "is the first of %1 parts, so its name must end in %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "split.count claims %1 parts"),
    QT_TRANSLATE_NOOP("EngineErrors", "split.tensors.count is %1, but the parts hold %2 tensors"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 is also in an earlier part"),
    QT_TRANSLATE_NOOP("EngineErrors", "has no tokenizer: it can be run on token ids only"),
    QT_TRANSLATE_NOOP("EngineErrors", "loading was stopped"),
    QT_TRANSLATE_NOOP("EngineErrors", "carving was stopped"),
    QT_TRANSLATE_NOOP("EngineErrors", "the prompt is empty"),
    QT_TRANSLATE_NOOP(
        "EngineErrors",
        "the prompt has %1 tokens, the model's context holds %2: shorten it or start a new chat"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the KV cache needs %1 for the answers under way, %2 are allowed: end another "
                      "answer or choose Q8_0 or Q4_0 for the KV cache"),
    QT_TRANSLATE_NOOP("EngineErrors", "the answer cannot be run again exactly: its prompt was another one"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the answer cannot be run again exactly: its prompt had %1 tokens, this one has %2"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the model computed no usable logits: its weights or the file are damaged"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "needs %1 (weights %2, KV cache %3, scratch %4, tokenizer %5), %6 are free"),
    QT_TRANSLATE_NOOP("EngineErrors", "The tensor %1 is not known and is left out."),
    QT_TRANSLATE_NOOP("EngineErrors", "The tensor %1 is empty and is left out."),
    QT_TRANSLATE_NOOP(
        "EngineErrors",
        "The file's chat template cannot be used (%1), so a plain one stands in: answers may be "
        "worse than this model can do"),
    QT_TRANSLATE_NOOP(
        "EngineErrors",
        "The pre-tokenizer '%1' (tokenizer.ggml.pre) is unknown; the default one cuts the text, "
        "so some tokens may not be those the model was trained with"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "model.safetensors.index.json does not belong to model.safetensors, which is whole and "
                      "is read instead."),
    QT_TRANSLATE_NOOP("EngineErrors", "Automatic: the CPU, because the model needs %1 even without most of "
                                      "its experts and %2 has %3 free."),
    QT_TRANSLATE_NOOP("EngineErrors", "Automatic: the CPU, because the model needs %1 and %2 has %3 free."),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "Automatic: the CPU, because the model is larger than the memory of %1 and needs %2 of "
                      "RAM beside it, of which %3 are free."),
    QT_TRANSLATE_NOOP("EngineErrors", "Automatic: the CPU, because %1."),
    QT_TRANSLATE_NOOP(
        "EngineErrors",
        "Automatic: %1, %2 free; this model needs %3 there and keeps its experts in RAM, %4, of "
        "which the card holds %5 at a time."),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "Automatic: %1; this model needs %2 there and keeps its experts in RAM, %3, of which "
                      "the card holds %4 at a time."),
    QT_TRANSLATE_NOOP("EngineErrors", "Automatic: %1, %2 free; this model needs %3."),
    QT_TRANSLATE_NOOP("EngineErrors", "Automatic: %1; this model needs %2."),
    QT_TRANSLATE_NOOP("EngineErrors", "The chosen card cannot be used: %1."),
    QT_TRANSLATE_NOOP(
        "EngineErrors",
        "This model needs %1 on %2 (weights %3, KV cache %4, scratch %5) and %6 are free there: "
        "open it on the CPU, close what else uses the card, or choose a smaller model."),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "This model %1 beside the models in use: unload one of them, or choose a "
                      "smaller model."),
    QT_TRANSLATE_NOOP("EngineErrors", "there is no %1: this machine has one card, cuda:0"),
    QT_TRANSLATE_NOOP("EngineErrors", "there is no %1: this machine has cuda:0 to %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "the exact path computes on the CPU alone"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 was lost while it computed; start the program again to use it"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "%1 was lost while it computed. What was written is kept; the model can "
                      "be opened on the CPU."),
    QT_TRANSLATE_NOOP("EngineErrors", "%1: the device is lost; restart the program to use it again"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "%1 is not used for this model: its kernels compute layers of this kind "
                      "otherwise than the CPU"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 is not used: %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "its kernels compute something else than the CPU"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 needs %2 on %3, of which %4 of memory are free"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 needs %2 of this machine's memory, which are not free"),
    QT_TRANSLATE_NOOP("EngineErrors", "needs %1 of RAM (experts %2, tokenizer %3), %4 are free"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the KV cache cannot be kept as %1 on this device: choose F16, Q8_0 or Q4_0"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the KV cache cannot be kept as FP8 on %1, whose compute capability is %2 "
                      "and not 8.9 or newer: choose F16, Q8_0 or Q4_0"),
    QT_TRANSLATE_NOOP("EngineErrors", "This device does not compute with %1: these weights became %2, which "
                                      "takes %3 more than in the file."),
    QT_TRANSLATE_NOOP(
        "EngineErrors",
        "a layer's attention norms, rotates and stores %1 values, and this device's kernels take %2"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "a layer's attention has %1 norms and rotations, and this device's kernels take %2"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "attention heads of %1 dimensions need more shared memory than the %2 KiB "
                      "that a block of %3 may have"),
    QT_TRANSLATE_NOOP("EngineErrors", "a saved part of the KV cache has %1 bytes, expected %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "the KV cache holds no more than %1 blocks"),
    QT_TRANSLATE_NOOP("EngineErrors", "a layer has more feed-forward blocks than this device's kernels take"),
    QT_TRANSLATE_NOOP("EngineErrors", "a layer has %1 experts, and this device's kernels take %2"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "The context ends at %1 tokens: the rotations that the model has for longer "
                      "texts are not computed."),
    QT_TRANSLATE_NOOP("EngineErrors", "this device's kernels compute no indexers of this kind"),
    QT_TRANSLATE_NOOP("EngineErrors", "a layer makes rows of %1 values of its tokens, and this device's "
                                      "kernels take %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "a layer's convolution has %1 taps, and this device's kernels take %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "a layer's linear attention has heads of %1 and %2 dimensions, which "
                                      "this device's kernels do not take"),
    QT_TRANSLATE_NOOP("EngineErrors", "a layer's state space has states of %1 numbers, which this device's "
                                      "kernels do not take"),
    QT_TRANSLATE_NOOP("EngineErrors", "this device's kernels compute no norms of heads but RMS norms"),
    // What CUDA itself says stands behind these, in its own words.
    QT_TRANSLATE_NOOP("EngineErrors", "%1: the device cannot be used: %2"),
    QT_TRANSLATE_NOOP("EngineErrors", "a device does not tell what it is: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "the device does not tell its memory: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "memory cannot be had: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "host memory cannot be had: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "an event cannot be made: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "the device failed: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "two events cannot be compared: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a graph cannot be made: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a graph cannot be made ready: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a stream cannot be made: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a copy to the device failed: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a copy from the device failed: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a copy within the device failed: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "memory of the device cannot be filled: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "an event cannot be recorded: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a stream cannot wait: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "launches cannot be recorded: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a graph did not start: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "the device cannot be used: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a dense product cannot be started: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "there is no memory to try a product: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "the device was lost"),
    QT_TRANSLATE_NOOP("EngineErrors", "there is no NVIDIA driver on this machine"),
    QT_TRANSLATE_NOOP("EngineErrors", "this build of the program has no CUDA library"),
    QT_TRANSLATE_NOOP("EngineErrors", "the CUDA library cannot be opened: there is no memory for it"),
    QT_TRANSLATE_NOOP("EngineErrors", "the CUDA library cannot be opened: %1 is no file"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the CUDA library cannot be opened: %1 ends too soon: it was not copied whole"),
    QT_TRANSLATE_NOOP("EngineErrors", "the CUDA library cannot be opened: %1 ends the program that opens it"),
    QT_TRANSLATE_NOOP("EngineErrors", "the CUDA library cannot be opened: %1 gives no answer in %2 s"),
    QT_TRANSLATE_NOOP("EngineErrors", "the CUDA library cannot be opened: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "CUDA does not start: the driver ends the program that starts it"),
    QT_TRANSLATE_NOOP("EngineErrors", "CUDA does not start: the driver gives no answer in %1 s"),
    QT_TRANSLATE_NOOP("EngineErrors", "the CUDA library %1 is of another build than the program"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the NVIDIA driver knows CUDA %1 and this build needs %2: install driver %3 or newer"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the NVIDIA driver knows CUDA %1 and this build needs %2: install a newer driver"),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "the NVIDIA driver finds no card on this machine, or none is free for this program"),
    QT_TRANSLATE_NOOP("EngineErrors", "CUDA does not start: %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 has compute capability %2, and this build needs %3 or more"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 is there, and this build of the program has no engine for it"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1 where rows are not divisible by %2"),
    // What the services say in its place.
    QT_TRANSLATE_NOOP(
        "EngineErrors",
        "The model is not locked in memory: this system lets a program lock %1. Raise \"memlock\" "
        "in /etc/security/limits.conf, or do without: it is swapped out only where memory is "
        "short."),
    QT_TRANSLATE_NOOP("EngineErrors", "The model is not locked in memory: this system cannot do it."),
    QT_TRANSLATE_NOOP("EngineErrors",
                      "There is not enough memory for this model: close other programs, or choose a "
                      "smaller model."),
    QT_TRANSLATE_NOOP("EngineErrors", "No model is loaded: choose one in the model picker."),
    QT_TRANSLATE_NOOP("EngineErrors", "The model was unloaded."),
    QT_TRANSLATE_NOOP("EngineErrors", "%1: \"%2\" is not a whole number from %3 to %4"),
    QT_TRANSLATE_NOOP("EngineErrors", "%1: \"%2\" is not a number from %3 to %4"),
};

/// What the engine fills in where it names a part of a file.
constexpr const char* kThings[] = {
    QT_TRANSLATE_NOOP("EngineErrors", "tensor %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "metadata key %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "the magic number"),
    QT_TRANSLATE_NOOP("EngineErrors", "the version"),
    QT_TRANSLATE_NOOP("EngineErrors", "the tensor count"),
    QT_TRANSLATE_NOOP("EngineErrors", "the metadata count"),
    QT_TRANSLATE_NOOP("EngineErrors", "a weight"),
    QT_TRANSLATE_NOOP("EngineErrors", "an expert"),
    QT_TRANSLATE_NOOP("EngineErrors", "the KV cache"),
    QT_TRANSLATE_NOOP("EngineErrors", "the cache of experts"),
    QT_TRANSLATE_NOOP("EngineErrors", "the scratch of a step"),
    QT_TRANSLATE_NOOP("EngineErrors", "the table of weights"),
    QT_TRANSLATE_NOOP("EngineErrors", "copying weights"),
    QT_TRANSLATE_NOOP("EngineErrors", "copying to %1"),
    QT_TRANSLATE_NOOP("EngineErrors", "a model's constants"),
    QT_TRANSLATE_NOOP("EngineErrors", "the clock of a step"),
};

struct Sentence {
    QRegularExpression pattern;
    const char* english;
};

std::vector<Sentence> makeSentences(std::span<const char* const> texts) {
    static const QRegularExpression hole(QStringLiteral("%\\d"));
    std::vector<Sentence> sentences;
    for (const char* english : texts) {
        QString pattern;
        const QString text = QString::fromUtf8(english);
        qsizetype from = 0;
        for (auto it = hole.globalMatch(text); it.hasNext();) {
            const auto match = it.next();
            pattern += QRegularExpression::escape(text.mid(from, match.capturedStart() - from)) + u"(.+?)"_s;
            from = match.capturedEnd();
        }
        pattern += QRegularExpression::escape(text.mid(from));
        sentences.push_back({QRegularExpression(QRegularExpression::anchoredPattern(pattern),
                                                QRegularExpression::DotMatchesEverythingOption),
                             english});
    }
    return sentences;
}

constexpr int kDeepest = 3; ///< reasons within sentences, and things within these

/// Nothing where it is none of these texts.
std::optional<QString> known(const QString& english, std::span<const char* const> texts, int depth = 0);

QString translated(const QString& english, std::span<const char* const> texts, int depth = 0) {
    return known(english, texts, depth).value_or(english);
}

/// What was filled in: a part of a file, or a reason, which is a sentence itself; a count as the window shows
/// one. Names and other figures stay.
QString filledIn(const QString& english, int depth) {
    constexpr qsizetype kLongest = 18; // digits: what is longer is no count
    const bool digits = std::ranges::all_of(english, [](QChar c) { return c >= u'0' && c <= u'9'; });
    if (digits && !english.isEmpty() && english.size() <= kLongest && english[0] != u'0')
        return QLocale().toString(english.toLongLong());
    if (const auto thing = known(english, kThings, depth))
        return *thing;
    return english.contains(u' ') ? translated(english, kSentences, depth) : english;
}

std::optional<QString> known(const QString& english, std::span<const char* const> texts, int depth) {
    constexpr qsizetype kLongest = 2000; // patterns are not run over whatever a template raises
    if (english.size() > kLongest || depth > kDeepest)
        return {};
    static const std::vector<Sentence> things = makeSentences(kThings), all = makeSentences(kSentences);
    for (const Sentence& sentence : texts.data() == kThings ? things : all) {
        const QRegularExpressionMatch match = sentence.pattern.match(english);
        if (!match.hasMatch())
            continue;
        // All at once: what is filled in may hold "%2" itself.
        const QString text = QCoreApplication::translate(kContext, sentence.english);
        QString result;
        for (qsizetype i = 0; i < text.size(); ++i) {
            if (text[i] == u'%' && i + 1 < text.size() && text[i + 1].isDigit())
                result += filledIn(match.captured(text[++i].digitValue()), depth + 1);
            else
                result += text[i];
        }
        return result;
    }
    return {};
}

QString withPathLast(QString reason, const QString& where) {
    if (!reason.isEmpty())
        reason[0] = reason[0].toUpper();
    return u"%1 (%2)"_s.arg(reason, where);
}

/// Of what is stored, where the path is not known any more: it ends where a sentence that is known begins.
QString sentenceOfUnknownPath(const QString& english) {
    constexpr int kMost = 8; // names with colons and spaces in them are bounded, too
    if (!QDir::isAbsolutePath(english))
        return translated(english, kSentences);
    for (const QString& gap : {u": "_s, u" "_s}) {
        qsizetype at = english.indexOf(gap);
        for (int i = 0; at >= 0 && i < kMost; ++i, at = english.indexOf(gap, at + 1)) {
            if (const auto reason = known(english.mid(at + gap.size()), kSentences))
                return withPathLast(*reason, english.left(at));
        }
    }
    return translated(english, kSentences);
}

} // namespace

QString engineSentence(const QString& english, const QString& path) {
    if (path.isEmpty())
        return sentenceOfUnknownPath(english);
    // "PATH: reason" or "PATH/config.json: reason" or "PATH has no tokenizer"; of a split model also another
    // part's path, which is the same for a while.
    const qsizetype same = std::ranges::mismatch(path, english).in1 - path.begin();
    const qsizetype folder = path.lastIndexOf(u'/') + 1;
    const bool named = same == path.size() || (folder > 0 && same > folder);
    if (!named)
        return translated(english, kSentences);
    const qsizetype colon = english.indexOf(u": "_s, same);
    const bool inside = colon >= 0 && !english.mid(same, colon - same).contains(u' ');
    if (!inside && same < path.size())
        return translated(english, kSentences);
    const QString where = inside ? english.left(colon) : path;
    return withPathLast(
        translated(inside ? english.mid(colon + 2) : english.mid(path.size()).trimmed(), kSentences), where);
}

QStringList engineSentences(const QStringList& english) {
    QStringList said;
    for (const QString& each : english)
        said.append(engineSentence(each));
    return said;
}

QString engineDevice(const QString& english) {
    static const QRegularExpression count(QStringLiteral(", (\\d+) threads?"));
    const QRegularExpressionMatch found = count.match(english);
    if (!found.hasMatch())
        return english;
    const int threads = found.captured(1).toInt();
    const QString words = QCoreApplication::translate("EngineErrors", "%n thread(s)", nullptr, threads);
    QString said = english;
    return said.replace(found.capturedStart(), found.capturedLength(), QStringLiteral(", ") + words);
}

QString engineReason(const std::exception& error) {
    if (dynamic_cast<const std::bad_alloc*>(&error))
        return u"There is not enough memory for this model: close other programs, or choose a smaller model."_s;
    return QString::fromUtf8(error.what());
}

QString engineSentence(const std::exception& error, const QString& path) {
    return engineSentence(engineReason(error), path);
}

QString engineFallbacks(const QString& english) {
    const QString comma = QCoreApplication::translate("EngineErrors", ", ", "between the parts of a list");
    return engineSentences(english.split(u", "_s, Qt::SkipEmptyParts)).join(comma);
}

} // namespace switchyard
