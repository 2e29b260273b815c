// A model larger than its card, through the window: the engine's own CUDA backend on an emulated device.
#include "engine/backends/cuda/cuda_backend.h"
#include "engine/files/gguf.h"
#include "engine/model/quantize_file.h"
#include "kernels/cuda/emulation/emulated_device.h"
#include "tests/app/tiny_model.h"
#include "tests/ui/real_desk.h"

#include <QLabel>
#include <QToolButton>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

constexpr quint64 kMiB = 1 << 20;

/// One card, with the memory of each model that is opened on it.
class EmulatedHardware : public Hardware {
  public:
    explicit EmulatedHardware(std::size_t memory, int compute = 90) : memory_(memory), compute_(compute) {}

  protected:
    CardList look() const override { return {{{0, "Emulated Card", memory_, memory_, {}}}, {}}; }
    CardReading read_card(int) const override { return {}; }
    std::shared_ptr<Backend> open_card(int, const BackendOptions& options) const override {
        return make_cuda_backend(cuda::make_emulated_device({.memory_bytes = memory_, .compute = compute_}),
                                 {.threads = options.threads, .check = false});
    }

  private:
    std::size_t memory_;
    int compute_;
};

struct Workplace : RealDesk {
    Workplace(const QString& folder, std::size_t memory, int compute = 90)
        : RealDesk(folder, {}, with(memory, compute)) {
        auto* base = find<QToolButton>(u"section.base"_s);
        if (!base->isChecked())
            base->click();
    }
    static LocalHostOptions with(std::size_t memory, int compute) {
        LocalHostOptions options = LocalServices::withThreads(1);
        options.hardware = std::make_shared<EmulatedHardware>(memory, compute);
        return options;
    }
    QString why() const { return find<QLabel>(u"tune.device.why"_s)->text(); }
    QLabel* vram() const { return find<QLabel>(u"status.card"_s); }
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
        Workplace desk(folder.path(), 14 * kMiB);
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
        Workplace desk(folder.path(), 64 * kMiB, 75);
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
        Workplace desk(folder.path(), 2 * kMiB);
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, -1);
        QVERIFY2(desk.why().contains(u" even without most of its experts and Emulated Card has "_s),
                 qPrintable(desk.why()));
        desk.setDial(u"max_tokens"_s, 6);
        QVERIFY(desk.ask(u"one"_s).tokenCount() > 0);
        QVERIFY(!desk.vram()->isVisible());
    }
};

QTEST_MAIN(TestOffload)
#include "tst_offload.moc"
