// What is selected over messages and parts: rows with their layouts, no window.
#include "tests/ui/chat_fixtures.h"
#include "ui/chat/selected_text.h"
#include "ui/chat/thread_find.h"
#include "ui/chat/thread_selection.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;
using Unit = ThreadSelection::Unit;

namespace {

const ChatStyle& style() {
    static const ChatStyle made = ChatStyle::make(QPalette(), QFont(), 11);
    return made;
}

/// A question, an answer that thought twice, and a question; all laid out.
ThreadRows threadOf() {
    Message answer = makeMessage(2, Author::Assistant, {});
    answer.parts = {{PartKind::Thinking, u"hm one"_s, {}, 0},
                    {PartKind::Text, u"Some **bold** words\n\nand more"_s, {}, 0},
                    {PartKind::Thinking, u"hm two"_s, {}, 0},
                    {PartKind::Text, u"The end."_s, {}, 0}};
    ThreadRows rows;
    for (const Message& message : {makeMessage(1, Author::User, u"A question"_s), answer,
                                   makeMessage(3, Author::User, u"Another one"_s)}) {
        rows.push_back(std::make_unique<ThreadRow>());
        rows.back()->update(message);
        rows.back()->layOut(style(), {600, -1});
    }
    return rows;
}

QString textOf(const ThreadSelection& selection, const ThreadRows& rows) {
    return selection.text(rows, style())->whole();
}

} // namespace

class ThreadSelectionTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void beginsEmpty() {
        const ThreadRows rows = threadOf();
        ThreadSelection selection;
        QVERIFY(selection.empty() && !selection.begun());
        QCOMPARE(textOf(selection, rows), QString());
        QVERIFY(!selection.in(0));
        selection.press({1, {1, 3}}, Unit::Character, rows);
        QVERIFY(selection.empty() && selection.begun());
    }

    void charactersInBothDirections() {
        const ThreadRows rows = threadOf();
        ThreadSelection selection;
        selection.press({1, {1, 5}}, Unit::Character, rows);
        QVERIFY(selection.drag({1, {1, 9}}, rows));
        QVERIFY(!selection.drag({1, {1, 9}}, rows)); // nothing new
        QCOMPARE(textOf(selection, rows), u"bold"_s);
        QCOMPARE(selection.phrase(rows), u"bold"_s);
        selection.drag({0, {0, 2}}, rows);
        QCOMPARE(textOf(selection, rows), u"question\n\nSome "_s);
        QCOMPARE(selection.phrase(rows), QString()); // more than one message
        QCOMPARE(selection.range().first, (ThreadSpot{0, {0, 2}}));
        selection.extend({2, {0, 7}});
        QCOMPARE(textOf(selection, rows), u"bold words\nand more\n\nThe end.\n\nAnother"_s);
    }

    void wordsAndLinesStayWhole() {
        const ThreadRows rows = threadOf();
        ThreadSelection selection;
        selection.press({1, {1, 7}}, Unit::Word, rows);
        QCOMPARE(textOf(selection, rows), u"bold"_s);
        selection.drag({1, {1, 12}}, rows);
        QCOMPARE(textOf(selection, rows), u"bold words"_s);
        selection.drag({1, {1, 1}}, rows); // back over the word that it began with, which stays
        QCOMPARE(textOf(selection, rows), u"Some bold"_s);
        selection.press({1, {1, 7}}, Unit::Line, rows);
        QCOMPARE(textOf(selection, rows), u"Some bold words"_s);
        selection.drag({1, {3, 2}}, rows);
        QCOMPARE(textOf(selection, rows), u"Some bold words\nand more\n\nThe end."_s);
    }

    void ofWhatFoldsOnlyWhatIsOpen() {
        ThreadRows rows = threadOf();
        ThreadSelection selection;
        selection.selectAll(3);
        QCOMPARE(textOf(selection, rows),
                 u"A question\n\nSome bold words\nand more\n\nThe end.\n\nAnother one"_s);
        rows[1]->open = {2};
        QCOMPARE(textOf(selection, rows),
                 u"A question\n\nSome bold words\nand more\n\nhm two\n\nThe end.\n\nAnother one"_s);
        rows[1]->release(); // what is not laid out is, to be copied
        QCOMPARE(textOf(selection, rows),
                 u"A question\n\nSome bold words\nand more\n\nhm two\n\nThe end.\n\nAnother one"_s);
    }

    void eachRowKnowsItsPart() {
        const ThreadRows rows = threadOf();
        ThreadSelection selection;
        selection.setRange({2, {0, 3}}, {0, {0, 4}}); // backwards
        QVERIFY(selection.in(0)->first == (LayoutPosition{0, 4}));
        QVERIFY(selection.in(1)->first == LayoutPosition());
        QVERIFY(selection.in(1)->second.part > 1000);
        QVERIFY(selection.in(2)->second == (LayoutPosition{0, 3}));
        selection.clear();
        QVERIFY(!selection.in(1) && selection.empty());
    }

    /// Positions from before an answer was changed, or a thread became shorter.
    void positionsThatAreNoLongerThere() {
        ThreadRows rows = threadOf();
        ThreadSelection selection;
        selection.setRange({1, {2, 500}}, {7, {9, 9}});
        QCOMPARE(textOf(selection, rows), u"The end.\n\nAnother one"_s);
        selection.press({1, {40, 3}}, Unit::Word, rows);
        QCOMPARE(textOf(selection, rows), QString());
    }

    void matchesAreFoundInOrder() {
        const ThreadRows rows = threadOf();
        ThreadFind find;
        find.setQuery(u"AN"_s);
        find.search(rows, 1);
        QCOMPARE(find.total(), 2); // "and", "Another"; not what was thought
        QCOMPARE(find.number(), 1);
        QCOMPARE(find.current()->row, 1);
        QCOMPARE(find.current()->place, (TextPlace{1, 21}));
        const auto range = rows[1]->layout->find(find.query(), find.current()->nth, find.current()->place);
        QVERIFY(range && range->first == (LayoutPosition{1, 16}));
        find.step(-1);
        QCOMPARE(find.number(), 2);
        find.step(1);
        QCOMPARE(find.number(), 1);
        find.search(rows, 9); // nothing from there on: from the beginning
        QCOMPARE(find.number(), 1);
        find.setQuery({});
        find.search(rows, 0);
        QVERIFY(!find.current() && find.number() == 0 && find.total() == 0);
        find.step(1);
        QVERIFY(!find.current());
    }
};

QTEST_MAIN(ThreadSelectionTest)
#include "tst_thread_selection.moc"
