// What a file brings into the window: notes where it could be used only in part, and its dials.
#include "tests/ui/real_desk.h"

#include <QLabel>
#include <QRegularExpression>

using namespace Qt::StringLiterals;
using namespace switchyard;

class ModelNotesTest : public QObject {
    Q_OBJECT
    QTemporaryDir models_;

    static QString said(const RealDesk& desk) { return desk.find<QLabel>(u"picker.error"_s)->text(); }

  private Q_SLOTS:
    void initTestCase() { installLanguage(*qApp, u"en"_s); }

    void aTemplateThatCannotBeUsedLeavesTheModelUsable_data() {
        QTest::addColumn<QString>("source");
        QTest::newRow("does not compile") << u"{% for m in messages %}{{ m.content }"_s;
        QTest::newRow("an unknown tag") << u"{% endless %}{{ messages }}"_s;
        QTest::newRow("an unknown filter") << u"{{ messages | nonsense }}"_s;
        QTest::newRow("never ends") << u"{% for a in range(100000) %}{% for b in "
                                       "range(100000) %}x{% endfor %}{% endfor %}"_s;
    }
    void aTemplateThatCannotBeUsedLeavesTheModelUsable() {
        QFETCH(QString, source);
        ScriptedModel model = chatScript({});
        model.chain(':', {model.word(" Hello"), '\n', model.word("User"), ':'});
        model.chat_template = source.toStdString();
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"broken"_s, model));
        auto* facts = desk.find<QLabel>(u"picker.facts"_s);
        QVERIFY2(facts->text().contains(u"1 note"_s), qPrintable(facts->text()));
        auto* notice = desk.find<QLabel>(u"picker.error"_s);
        QVERIFY(notice->isVisible());
        QVERIFY2(said(desk).contains(u"chat template cannot be used"_s) &&
                     said(desk).contains(u"a plain one"_s),
                 qPrintable(said(desk)));
        QVERIFY(!notice->property("error").toBool()); // nothing failed
        // It answers, and its answer ends where the next turn would begin.
        QCOMPARE(desk.ask(u"Hi"_s).text(), u" Hello"_s);
        QCOMPARE(desk.answer().state, MessageState::Complete);
        QCOMPARE(desk.answer().run.timings.prompt_tokens,
                 static_cast<int>(sizeof "User: Hi\n\nAssistant:") - 1);
        // The sentence can be put away, and another model takes it along.
        QTest::mouseClick(desk.find<QToolButton>(u"picker.noticeAction"_s), Qt::LeftButton);
        QVERIFY(!notice->isVisible());
        QVERIFY(facts->toolTip().contains(u"a plain one"_s));
        QVERIFY(desk.load(written(models_, u"whole"_s, chatScript({"Yes"}))));
        QVERIFY(!notice->isVisible() && !facts->text().contains(u"note"_s));
    }

    void strangeTensorsAreNamed() {
        ScriptedModel model = chatScript({"Yes"});
        model.strange_tensors = {{"an.extra.tensor", 7}, {"empty.tensor", 0}};
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"strange"_s, model));
        auto* facts = desk.find<QLabel>(u"picker.facts"_s);
        QVERIFY2(facts->text().contains(u"2 notes"_s), qPrintable(facts->text()));
        QVERIFY2(said(desk).contains(u"\"an.extra.tensor\" is not known"_s) &&
                     said(desk).contains(u"\"empty.tensor\" is empty"_s),
                 qPrintable(said(desk)));
        QCOMPARE(desk.ask(u"Well?"_s).text(), u"Yes"_s);
    }

    void anUnknownTensorInsideALayerIsRefused() {
        ScriptedModel model = chatScript({"Yes"});
        model.strange_tensors = {{"blk.0.strange.weight", 7}};
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"works"_s, chatScript({"Yes"})));
        desk.window->loadModel(written(models_, u"inside"_s, model));
        QTRY_VERIFY2(said(desk).contains(u"blk.0.strange.weight"_s), qPrintable(said(desk)));
        QVERIFY2(said(desk).contains(u"works stays in use"_s), qPrintable(said(desk)));
        QCOMPARE(desk.ask(u"Well?"_s).text(), u"Yes"_s);
    }

    void authorsWhoSampleNotSetTheDialToZero_data() {
        QTest::addColumn<QByteArray>("config");
        QTest::addColumn<double>("temperature");
        QTest::newRow("samples") << R"({"do_sample": true, "temperature": 0.6})"_ba << 0.6;
        QTest::newRow("samples not") << R"({"do_sample": false, "temperature": 0.6})"_ba << 0.0;
        QTest::newRow("samples not, without a word of it") << R"({"do_sample": false})"_ba << 0.0;
    }
    void authorsWhoSampleNotSetTheDialToZero() {
        QFETCH(QByteArray, config);
        QFETCH(double, temperature);
        QTemporaryDir folder;
        const QString model = folder.filePath(u"model"_s);
        QVERIFY(QDir().mkpath(model));
        const QDir source(QStringLiteral(SWITCHYARD_TEST_DATA) + u"/reference/models/llama31"_s);
        for (const QString& name : source.entryList(QDir::Files))
            QVERIFY(QFile::copy(source.filePath(name), model + u'/' + name));
        QFile::remove(model + u"/generation_config.json"_s);
        QFile file(model + u"/generation_config.json"_s);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(config);
        file.close();
        RealDesk desk(folder.path(), model);
        QCOMPARE(desk.find<QDoubleSpinBox>(u"tune.temperature.box"_s)->value(), temperature);
    }

    void aFileThatCannotBeReadSaysWhyInChinese_data() {
        QTest::addColumn<qint64>("size");
        QTest::addColumn<int>("version"); ///< 0: the file's own
        QTest::addColumn<QString>("why");
        QTest::newRow("empty") << qint64{0} << 0 << u"文件是空的"_s;
        QTest::newRow("cut in its beginning") << qint64{200} << 0 << u"文件被截断"_s;
        QTest::newRow("cut in its metadata")
            << qint64{3000} << 0 << u"元数据键 \"tokenizer.ggml.tokens\" 之内就结束了"_s;
        QTest::newRow("cut in its tensors") << qint64{700'000} << 0 << u"张量 \""_s;
        QTest::newRow("another version") << qint64{-1} << 9 << u"GGUF 版本为 9"_s;
        QTest::newRow("big-endian") << qint64{-1} << 0x03000000 << u"大端"_s;
    }
    void aFileThatCannotBeReadSaysWhyInChinese() {
        QFETCH(qint64, size);
        QFETCH(int, version);
        QFETCH(QString, why);
        const WindowLanguage in(u"zh_CN"_s);
        const QString path = written(models_, u"cut"_s, chatScript({"Yes"}));
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadWrite));
        if (size >= 0)
            QVERIFY(file.resize(size));
        if (version != 0) {
            QVERIFY(file.seek(4));
            file.write(reinterpret_cast<const char*>(&version), sizeof version);
        }
        file.close();
        QTemporaryDir folder;
        RealDesk desk(folder.path());
        desk.window->loadModel(path);
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        QVERIFY2(said(desk).contains(why), qPrintable(said(desk)));
        QVERIFY2(said(desk).endsWith(u"(%1)"_s.arg(path)), qPrintable(said(desk))); // the path last
    }

    /// A model in several files: what is wrong with one of them, and the file's name last.
    void theReasonOfASplitModelIsChinese_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("number");
        QTest::addColumn<int>("count");
        QTest::addColumn<int>("second"); ///< number that the second file has; -1: there is none
        QTest::addColumn<QString>("why");
        QTest::addColumn<QString>("file");
        const QString first = u"m-00001-of-00002"_s, other = u"m-00002-of-00002.gguf"_s;
        QTest::newRow("a missing part") << first << 0 << 2 << -1 << u"缺少第 2 部分（共 2 部分）"_s << other;
        QTest::newRow("not the first") << first << 1 << 2 << -1 << u"第 2 部分"_s << first;
        QTest::newRow("another name")
            << u"renamed"_s << 0 << 2 << -1 << u"-00001-of-00002.gguf"_s << u"renamed"_s;
        QTest::newRow("too many") << first << 0 << 60000 << -1 << u"60,000"_s << first;
        QTest::newRow("another part's number") << first << 0 << 2 << 0 << u"不是第 2 部分"_s << other;
        QTest::newRow("the same tensors") << first << 0 << 2 << 1 << u"前面的部分"_s << other;
    }
    void theReasonOfASplitModelIsChinese() {
        QFETCH(QString, name);
        QFETCH(int, number);
        QFETCH(int, count);
        QFETCH(int, second);
        QFETCH(QString, why);
        QFETCH(QString, file);
        const WindowLanguage in(u"zh_CN"_s);
        QTemporaryDir models;
        const auto write = [&](const QString& as, int part) {
            ScriptedModel model = chatScript({"Yes"});
            model.more.set("split.no", static_cast<std::uint64_t>(part));
            model.more.set("split.count", static_cast<std::uint64_t>(count));
            return written(models, as, model);
        };
        const QString path = write(name, number);
        if (second >= 0)
            write(u"m-00002-of-00002"_s, second);
        QTemporaryDir folder;
        RealDesk desk(folder.path());
        desk.window->loadModel(path);
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        QVERIFY2(said(desk).contains(why), qPrintable(said(desk)));
        static const QRegularExpression words(u"[a-z]{3,} [a-z]{2,}"_s); // two English words
        QVERIFY2(!said(desk).section(u" ("_s, 0, 0).contains(words), qPrintable(said(desk)));
        QVERIFY2(said(desk).section(u'(', -1).contains(file), qPrintable(said(desk)));
    }

    void theNotesSpeakChinese() {
        const WindowLanguage in(u"zh_CN"_s);
        ScriptedModel model = chatScript({"Yes"});
        model.chat_template = "{{ messages";
        model.strange_tensors = {{"an.extra.tensor", 7}, {"empty.tensor", 0}};
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"chinese"_s, model));
        for (const char* word : {"张量 \"an.extra.tensor\" 未知", "张量 \"empty.tensor\" 是空的", "对话模板"})
            QVERIFY2(said(desk).contains(QString::fromUtf8(word)), qPrintable(said(desk)));
    }
};

QTEST_MAIN(ModelNotesTest)
#include "tst_model_notes.moc"
