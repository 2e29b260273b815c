// Whatever the engine says about devices is Chinese in a Chinese window: what is filled in stays.
#include "app/services/cards.h"
#include "app/services/engine_sentence.h"
#include "engine/backends/choose_backend.h"
#include "engine/backends/cuda/device_library.h"
#include "engine/backends/cuda/device_pool.h"
#include "engine/base/error.h"
#include "kernels/cuda/emulation/emulated_device.h"
#include "tests/support/scripted_hardware.h"
#include "ui/language.h"

#include <QDir>
#include <QFile>
#include <QRegularExpression>
#include <QTest>

#include <algorithm>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

constexpr quint64 kGiB = 1ull << 30;

/// What of a sentence is no Chinese and no name, number or unit.
QString englishIn(QString text, const QStringList& names) {
    for (const QString& name : names)
        text.remove(name);
    static const QRegularExpression allowed(
        u"[A-Z]*\\d+(_[0-9A-Z]+)*|CUDA|CPU|KV|NVIDIA|FP8|KiB|MiB|GiB|TiB|\\bB\\b|cuda:"_s);
    text.remove(allowed);
    static const QRegularExpression word(u"[A-Za-z]{2,}"_s);
    return word.match(text).captured();
}

/// The texts in a folder's sources that `pattern` captures.
QStringList textsIn(const QString& folder, const QString& pattern) {
    QStringList texts;
    const QDir dir(QStringLiteral(SWITCHYARD_SOURCE) + folder);
    for (const QString& name : dir.entryList({u"*.cpp"_s})) {
        QFile file(dir.filePath(name));
        if (!file.open(QIODevice::ReadOnly))
            continue;
        const QString source = QString::fromUtf8(file.readAll());
        for (auto it = QRegularExpression(pattern).globalMatch(source); it.hasNext();)
            texts << it.next().captured(1);
    }
    texts.removeDuplicates();
    return texts;
}

template <typename Work>
QString errorOf(const Work& work) {
    try {
        work();
    } catch (const std::exception& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

MemoryUse need(quint64 weights, quint64 pinned = 0) {
    MemoryUse use;
    use.device = true;
    use.weights = weights;
    use.pinned = pinned;
    use.expert_cache = use.expert_cache_least = std::min(pinned / 4, kGiB / 2);
    use.kv = use.scratch = 1 << 20;
    return use;
}

} // namespace

class TestDeviceSentences : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase() { installLanguage(*QCoreApplication::instance(), u"zh_CN"_s); }

    void whatCudaAnswers_data() {
        QTest::addColumn<QString>("english");
        // How the library names what failed; CUDA's own words follow.
        const QStringList failed = textsIn(u"/kernels/cuda/library"_s, u"\"([a-z]+ [a-z ]+)\"\\)"_s);
        QVERIFY(failed.size() > 12);
        for (const QString& what : failed) {
            const QString english = what == u"the device was lost"_s ? what : what + u": 719 (719)"_s;
            QTest::addRow("%s", qPrintable(what)) << english;
            QTest::addRow("%s, lost", qPrintable(what))
                << english + u": the device is lost; restart the program to use it again"_s;
        }
    }
    void whatCudaAnswers() {
        QFETCH(QString, english);
        const QString said = engineSentence(english);
        QVERIFY2(englishIn(said, {}).isEmpty(), qPrintable(said));
    }

    void whatNeedsMemory_data() {
        QTest::addColumn<QString>("what");
        const QStringList parts = textsIn(u"/engine/backends/cuda"_s, u"allocate\\([^;]*, \"([^\"]+)\"\\)"_s);
        QVERIFY(parts.size() > 5);
        for (const QString& part : parts)
            QTest::addRow("%s", qPrintable(part)) << part;
    }
    void whatNeedsMemory() {
        QFETCH(QString, what);
        const auto device =
            std::shared_ptr<cuda::Device>(cuda::make_emulated_device({.memory_bytes = 1 << 20}));
        for (const auto memory : {cuda::DevicePool::Memory::Device, cuda::DevicePool::Memory::Host}) {
            const QString english = errorOf([&] {
                std::make_shared<cuda::DevicePool>(device, 1 << 20, memory)
                    ->allocate(std::size_t{1} << 62, what.toStdString());
            });
            QVERIFY2(english.startsWith(what + u" needs "_s), qPrintable(english));
            const QString said = engineSentence(english);
            QVERIFY2(englishIn(said, {QString::fromStdString(device->info().name)}).isEmpty(),
                     qPrintable(said));
        }
    }

    void whyTheLibraryIsNotOpened() {
        const QString file = u"/opt/switchyard/lib/libswitchyard_cuda.so"_s;
        QStringList all;
        for (const auto& end : {u"is no file"_s, u"ends too soon: it was not copied whole"_s,
                                u"ends the program that opens it"_s, u"gives no answer in 10 s"_s})
            all << u"the CUDA library cannot be opened: %1 %2"_s.arg(file, end);
        all << u"CUDA does not start: the driver ends the program that starts it"_s
            << u"CUDA does not start: the driver gives no answer in 60 s"_s;
        for (const QString& english : all)
            for (const QString& sentence : {english, u"Automatic: the CPU, because %1."_s.arg(english)}) {
                const QString said = engineSentence(sentence);
                QVERIFY2(englishIn(said, {file, u" s "_s}).isEmpty(), qPrintable(said));
            }
    }

    /// Names stand where Chinese may, too: there is a space or a sign between both.
    void latinHasASpaceBesideChinese() {
        const QString said = engineSentence(
            u"Automatic: the CPU, because NVIDIA H200 was lost while it computed; start the program again to "
            "use it."_s);
        static const QRegularExpression joined(
            u"[\\x{4E00}-\\x{9FFF}][A-Za-z0-9]|[A-Za-z0-9][\\x{4E00}-\\x{9FFF}]"_s);
        QVERIFY2(!joined.match(said).hasMatch(), qPrintable(said));
        QVERIFY2(said.contains(u"NVIDIA H200"_s), qPrintable(said));
    }

    void whyADeviceIsChosen() {
        const auto gpu = std::make_shared<ScriptedCard>(u"Test Card"_s, 24 * kGiB);
        const ScriptedHardware one({gpu}), none;
        const auto why = [](const Hardware& hardware, const MemoryUse& use) {
            return QString::fromStdString(
                choose_backend(hardware, {{}, [use](Backend&) { return use; }}, {.threads = 1}).why);
        };
        const auto refusal = [](const Hardware& hardware, int card, const MemoryUse& use) {
            return errorOf([&] {
                choose_backend(hardware, {{DeviceChoice::Kind::Cuda, card}, [use](Backend&) { return use; }},
                               {.threads = 1});
            });
        };
        ScriptedHardware lost({gpu});
        lost.lose(0, "Test Card");
        QStringList all = {why(none, need(kGiB)),
                           why(one, need(kGiB)),
                           why(one, need(25 * kGiB)),
                           why(one, need(kGiB, 1ull << 20)),
                           why(one, need(23 * kGiB, 100 * kGiB)),
                           why(one, need(kGiB, 1ull << 46)),
                           why(lost, need(kGiB)),
                           refusal(one, 0, need(25 * kGiB)),
                           refusal(one, 3, need(kGiB)),
                           refusal(none, 0, need(kGiB)),
                           refusal(lost, 0, need(kGiB)),
                           errorOf([&] {
                               (void)one.open({DeviceChoice::Kind::Cuda, 0}, {.threads = 1, .exact = true});
                           }),
                           QString::fromStdString(describe_shortage(need(1, 9 * kGiB), kGiB))};
        for (const QString& english : all) {
            QVERIFY(!english.isEmpty());
            const QString said = engineSentence(english);
            QVERIFY2(said != english && englishIn(said, {u"Test Card"_s}).isEmpty(), qPrintable(said));
        }
    }

    void whatElseIsSaid() {
        const char* const sentences[] = {
            "This device does not compute with IQ3_S, Q8_0: these weights became Q8_0, which takes 1.2 GiB "
            "more than in the file.",
            "Test Card is not used: its kernels compute something else than the CPU",
            "Test Card is not used for this model: its kernels compute layers of this kind otherwise than "
            "the "
            "CPU",
            "the KV cache cannot be kept as FP8 on Test Card, whose compute capability is 8.6 and not 8.9 or "
            "newer: choose F16, Q8_0 or Q4_0",
            "the KV cache cannot be kept as FP8 on this device: choose F16, Q8_0 or Q4_0",
            "attention heads of 576 dimensions need more shared memory than the 64 KiB that a block of Test "
            "Card may have",
            "copying to Test Card needs 1.0 GiB of this machine's memory, which are not free",
            "Test Card: the device cannot be used: 719 (719)",
            "a layer has 600 experts, and this device's kernels take 512",
            "a layer's attention has 9 norms and rotations, and this device's kernels take 8",
            "a layer's attention norms, rotates and stores 5 values, and this device's kernels take 4",
            "a layer's convolution has 9 taps, and this device's kernels take 8",
            "a layer's linear attention has heads of 192 and 256 dimensions, which this device's kernels do "
            "not take",
            "a layer's state space has states of 512 numbers, which this device's kernels do not take",
        };
        for (const char* english : sentences) {
            const QString said = engineSentence(QString::fromLatin1(english));
            QVERIFY2(englishIn(said, {u"Test Card"_s, u"IQ3_S"_s}).isEmpty(), qPrintable(said));
        }
    }

    void countsAreGroupedAsElsewhere() {
        const QString said = engineSentence(u"the prompt has 117694 tokens, the model's context holds 8192: "
                                            "shorten it or start a new chat"_s);
        QVERIFY2(said.contains(QLocale().toString(117694)) && said.contains(QLocale().toString(8192)),
                 qPrintable(said));
        QVERIFY(QLocale().toString(8192) != u"8192"_s);
    }

    /// An error that is thrown where a device is set up or used is known to the window.
    void everyErrorOfTheCudaBackendIsKnown() {
        const QStringList begin = textsIn(u"/engine/backends/cuda"_s, u"throw Error\\(\\s*\"([^\"]+)\"\\)"_s);
        QVERIFY(!begin.isEmpty());
        for (const QString& english : begin)
            QVERIFY2(engineSentence(english) != english, qPrintable(english));
    }
};

QTEST_MAIN(TestDeviceSentences)
#include "tst_device_sentences.moc"
