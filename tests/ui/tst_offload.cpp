// A model larger than its card, through the window: the engine's own CUDA backend on an emulated device.
#include "app/services/engine_sentence.h"
#include "engine/backends/cuda/cuda_backend.h"
#include "engine/files/gguf.h"
#include "engine/model/quantize_file.h"
#include "kernels/cuda/emulation/emulated_device.h"
#include "tests/app/tiny_model.h"
#include "tests/ui/device_desk.h"

#include <QLabel>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

constexpr quint64 kMiB = 1 << 20;

/// Its blocks have no memory to speak of.
const cuda::EmulatedOptions kRefusing{.memory_bytes = 64 * kMiB, .shared_bytes = 1 << 10};

/// One card, which is another one for each model that is opened on it.
class EmulatedHardware : public Hardware {
  public:
    explicit EmulatedHardware(const cuda::EmulatedOptions& card) : card_(card) {}

  protected:
    CardList look() const override {
        return {{{0, "Emulated Card", card_.memory_bytes, card_.memory_bytes, {}}}, {}};
    }
    CardReading read_card(int) const override { return {}; }
    std::shared_ptr<Backend> open_card(int, const BackendOptions& options) const override {
        return make_cuda_backend(cuda::make_emulated_device(card_),
                                 {.threads = options.threads, .check = false});
    }

  private:
    cuda::EmulatedOptions card_;
};

struct Workplace : DeviceDesk {
    Workplace(const QString& folder, const cuda::EmulatedOptions& card) : DeviceDesk(folder, with(card)) {}
    static LocalHostOptions with(const cuda::EmulatedOptions& card) {
        LocalHostOptions options = LocalServices::withThreads(1);
        options.hardware = std::make_shared<EmulatedHardware>(card);
        return options;
    }
};

} // namespace

class TestOffload : public QObject {
    Q_OBJECT
    QTemporaryDir models_;
    QString path_;

  private Q_SLOTS:
    void initTestCase() {
        path_ = models_.filePath(u"many.gguf"_s);
        writeTinyModel(path_.toStdString(), {.experts = 256, .experts_active = 4});
    }

    void aModelLargerThanItsCardAnswersAndSaysWhatThatCosts() {
        QTemporaryDir folder;
        Workplace desk(folder.path(), {.memory_bytes = 14 * kMiB});
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, 0);
        const QString why = desk.why();
        QVERIFY2(
            why.startsWith(u"Automatic: Emulated Card, "_s) &&
                why.contains(u" there and keeps its experts in RAM, 16.0 MiB, of which the card holds "_s),
            qPrintable(why));
        desk.setDial(u"max_tokens"_s, 6);
        const Message& answer = desk.ask(u"one"_s);
        QVERIFY2(answer.run.error.empty(), answer.run.error.c_str());
        QVERIFY(answer.tokenCount() > 0);
        QVERIFY(answer.run.timings.experts.misses > 0);
        // Live, and under the answer.
        QTRY_VERIFY_WITH_TIMEOUT(desk.vram()->text().contains(u" % of experts found"_s), 5000);
        const QString tip = desk.vram()->toolTip();
        QVERIFY2(tip.contains(u"The experts lie in RAM, 16.0 MiB; "_s) &&
                     tip.contains(u"of 512 the card holds "_s) && tip.contains(u" were fetched, "_s),
                 qPrintable(tip));
        QVERIFY2(desk.saidUnder().contains(u" % of experts found"_s), qPrintable(desk.saidUnder()));
        // What lies in RAM is none of the card's.
        QVERIFY(desk.model.capabilities().weights_bytes < 11 * kMiB);
        QVERIFY(desk.devices.reading().taken < 14 * kMiB);
    }

    /// Cards before 8.0 have no products of BF16.
    void weightsThatACardDoesNotComputeWithAreNamed() {
        const QString small = models_.filePath(u"small.gguf"_s), halves = models_.filePath(u"halves.gguf"_s);
        writeTinyModel(small.toStdString());
        QuantizeOptions options;
        options.type = BlockType::BF16;
        options.pure = true;
        quantize_file(*open_gguf(small.toStdString()), halves.toStdString(), options);
        QTemporaryDir folder;
        Workplace desk(folder.path(), {.memory_bytes = 64 * kMiB, .compute = 75});
        QVERIFY(desk.load(halves));
        QCOMPARE(desk.model.capabilities().card, 0);
        const QString said = desk.find<QLabel>(u"picker.error"_s)->text();
        QVERIFY2(said.contains(u"This device does not compute with BF16: these weights became F32, which "
                               "takes "_s) &&
                     said.contains(u"KiB more than in the file."_s),
                 qPrintable(said));
    }

    void aCardTooSmallForTheRestIsNotTaken() {
        QTemporaryDir folder;
        Workplace desk(folder.path(), {.memory_bytes = 2 * kMiB});
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, -1);
        QVERIFY2(desk.why().contains(u" even without most of its experts and Emulated Card has "_s),
                 qPrintable(desk.why()));
        desk.setDial(u"max_tokens"_s, 6);
        QVERIFY(desk.ask(u"one"_s).tokenCount() > 0);
        QVERIFY(!desk.vram()->isVisible());
    }

    /// Whatever a card's kernels refuse a model for: here its blocks have too little memory for heads. The
    /// file is opened at once, beside none, and in the place of one that answers, which is looked at before.
    void aModelThatItsCardRefusesIsComputedByTheCpu() {
        const QString small = models_.filePath(u"small.gguf"_s);
        writeTinyModel(small.toStdString());
        for (const QString& before : {QString(), small}) {
            QTemporaryDir folder;
            Workplace desk(folder.path(), kRefusing);
            if (!before.isEmpty()) {
                desk.settings.set<Setting::Device>(u"cpu"_s);
                QVERIFY(desk.load(before));
                desk.settings.set<Setting::Device>(u"auto"_s);
            }
            QVERIFY2(desk.load(path_), qPrintable(desk.notice()));
            QCOMPARE(desk.model.capabilities().card, -1);
            QVERIFY2(desk.why().startsWith(u"Automatic: the CPU, because attention heads of "_s) &&
                         desk.why().contains(u"1 KiB"_s),
                     qPrintable(desk.why()));
            desk.setDial(u"max_tokens"_s, 6);
            const Message& answer = desk.ask(u"one"_s);
            QVERIFY2(answer.run.error.empty(), answer.run.error.c_str());
            QVERIFY(answer.tokenCount() > 0);
        }
    }

    void aCardThatRefusesAModelIsChosenByHandAndGivenUpAgain() {
        QTemporaryDir folder;
        Workplace desk(folder.path(), kRefusing);
        QVERIFY(desk.load(path_));
        desk.choose(u"Emulated Card"_s);
        QTRY_VERIFY2(desk.notice().contains(u"attention heads of "_s), qPrintable(desk.notice()));
        desk.choose(u"Automatic"_s);
        QVERIFY(desk.readyOn(-1));
        QTRY_VERIFY2(desk.why().startsWith(u"Automatic: the CPU, because attention heads of "_s),
                     qPrintable(desk.why()));
        desk.setDial(u"max_tokens"_s, 6);
        QVERIFY(desk.ask(u"one"_s).tokenCount() > 0);
        const WindowLanguage chinese(u"zh_CN"_s);
        const QString said = engineSentence(desk.model.capabilities().device_why);
        QVERIFY2(said.startsWith(u"自动：CPU"_s) && !said.contains(u"heads"_s), qPrintable(said));
    }
};

QTEST_MAIN(TestOffload)
#include "tst_offload.moc"
