// A chat's branches: what is shown, siblings, removing and bringing back, against a model that works all of
// it out anew.
#include "app/services/message_tree.h"

#include <QTest>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <random>

using namespace switchyard;

namespace {

Message messageUnder(MessageId id, MessageId parent) {
    Message message;
    message.id = id;
    message.parent = parent;
    message.author = parent % 2 == 0 ? Author::User : Author::Assistant;
    message.parts = {{PartKind::Text, QString::number(id), {}, 0}};
    return message;
}

QList<MessageId> idsOf(const MessageTree& tree) {
    QList<MessageId> ids;
    for (const Message& message : tree.thread())
        ids.append(message.id);
    return ids;
}

/// 1 has the children 2 and 3, 2 has 4, and 4 has 5 and 6; 7 is another beginning.
MessageTree sampleTree() {
    MessageTree tree;
    for (const auto& [id, parent] : {std::pair(1, 0), {2, 1}, {3, 1}, {4, 2}, {5, 4}, {6, 4}, {7, 0}})
        tree.append(messageUnder(id, parent));
    return tree;
}

/// The same by looking through all messages every time.
struct NaiveTree {
    struct Entry {
        MessageId id, parent;
        std::vector<MessageId> removals; ///< the messages by whose removal it is away: one or none
    };
    std::vector<Entry> all;
    std::map<MessageId, MessageId> shown;

    const Entry* entry(MessageId id) const {
        for (const Entry& e : all) {
            if (e.id == id)
                return &e;
        }
        return nullptr;
    }
    bool has(MessageId id) const { return entry(id) && entry(id)->removals.empty(); }
    bool isUnder(MessageId id, MessageId top) const {
        for (; id != 0; id = entry(id)->parent) {
            if (id == top)
                return true;
        }
        return false;
    }
    QList<MessageId> children(MessageId parent) const {
        QList<MessageId> found;
        for (const Entry& e : all) {
            if (e.parent == parent && e.removals.empty())
                found.append(e.id);
        }
        return found;
    }
    MessageId next(MessageId parent) const {
        const QList<MessageId> there = children(parent);
        const auto choice = shown.find(parent);
        if (choice != shown.end() && there.contains(choice->second))
            return choice->second;
        return there.isEmpty() ? 0 : there.last();
    }
    QList<MessageId> thread() const {
        QList<MessageId> ids;
        for (MessageId id = next(0); id != 0; id = next(id))
            ids.append(id);
        return ids;
    }
    void select(MessageId id) {
        if (!has(id))
            return;
        for (; id != 0; id = entry(id)->parent)
            shown[entry(id)->parent] = id;
    }
    bool append(MessageId id, MessageId parent) {
        if (id == 0 || entry(id) || (parent != 0 && !has(parent)))
            return false;
        all.push_back({id, parent, {}});
        select(id);
        return true;
    }
    void remove(MessageId top) {
        if (!has(top))
            return;
        for (Entry& e : all) {
            if (e.removals.empty() && isUnder(e.id, top))
                e.removals.push_back(top);
        }
    }
    bool restore(MessageId top) {
        const Entry* e = entry(top);
        if (!e || e->removals != std::vector{top})
            return false;
        for (Entry& away : all) {
            if (away.removals == std::vector{top})
                away.removals.clear();
        }
        return true;
    }
};

} // namespace

class MessageTreeTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void showsWhatWasAddedLast() {
        MessageTree tree = sampleTree();
        QCOMPARE(idsOf(tree), QList<MessageId>{7});
        tree.select(1);
        QCOMPARE(idsOf(tree), (QList<MessageId>{1, 2, 4, 6}));
        QCOMPARE(tree.thread()[0].siblings, (QList<MessageId>{1, 7}));
        QCOMPARE(tree.thread()[1].siblings, (QList<MessageId>{2, 3}));
        QCOMPARE(tree.thread()[2].siblings, (QList<MessageId>{4}));
        QCOMPARE(tree.thread()[3].siblings, (QList<MessageId>{5, 6}));
    }

    void goesBackToWhereABranchEnded() {
        MessageTree tree = sampleTree();
        tree.select(5);
        tree.select(3);
        QCOMPARE(idsOf(tree), (QList<MessageId>{1, 3}));
        QCOMPARE(tree.leafBelow(2), MessageId(5));
        QCOMPARE(tree.leafBelow(1), MessageId(3));
        tree.select(2);
        QCOMPARE(idsOf(tree), (QList<MessageId>{1, 2, 4, 5}));
    }

    void findsWhatIsHidden() {
        MessageTree tree = sampleTree();
        QVERIFY(!tree.isShown(6));
        QCOMPARE(tree.indexOf(6), -1);
        QCOMPARE(std::as_const(tree).find(6)->text(), QStringLiteral("6"));
        tree.find(6)->error = QStringLiteral("changed");
        tree.select(6);
        QCOMPARE(tree.indexOf(6), 3);
        QCOMPARE(tree.thread()[3].error, QStringLiteral("changed"));
        QVERIFY(!tree.find(99) && !tree.has(99) && tree.leafBelow(99) == 0 && tree.siblings(99).isEmpty());
    }

    void removesAndBringsBack() {
        MessageTree tree = sampleTree();
        tree.select(5);
        tree.remove(5);
        QCOMPARE(idsOf(tree), (QList<MessageId>{1, 2, 4, 6}));
        QCOMPARE(tree.thread().last().siblings, QList<MessageId>{6});
        tree.remove(2);
        QCOMPARE(idsOf(tree), (QList<MessageId>{1, 3}));
        QVERIFY(tree.find(6) && !tree.has(6)); // what still grows there can be kept
        QVERIFY(!tree.restore(6));             // it went with 2
        QVERIFY(tree.restore(2));
        QVERIFY(!tree.has(5)); // removed earlier, and by itself
        tree.select(2);
        QCOMPARE(idsOf(tree), (QList<MessageId>{1, 2, 4, 6}));
        QVERIFY(tree.restore(5));
        QCOMPARE(tree.thread().last().siblings, (QList<MessageId>{5, 6}));
        QVERIFY(!tree.restore(5));
    }

    void refusesWhatDoesNotFit() {
        MessageTree tree = sampleTree();
        QVERIFY(!tree.append(messageUnder(3, 0)));
        QVERIFY(!tree.append(messageUnder(8, 99)));
        tree.remove(4);
        QVERIFY(!tree.append(messageUnder(8, 5)));
        QCOMPARE(idsOf(tree), QList<MessageId>{7});
    }

    /// As a damaged file may have them: parents that are not there, and a circle.
    void looseMessagesAreInNoBranch() {
        MessageTree tree({messageUnder(1, 0), messageUnder(2, 77), messageUnder(3, 4), messageUnder(4, 3),
                          messageUnder(5, 5)},
                         {{0, 3}, {3, 4}, {4, 3}, {5, 5}});
        QCOMPARE(idsOf(tree), QList<MessageId>{1});
        for (const MessageId id : {2, 3, 4, 5}) {
            QVERIFY(tree.has(id));
            tree.select(id);
            tree.leafBelow(id);
            QVERIFY(tree.find(id));
        }
        QCOMPARE(idsOf(tree), QList<MessageId>{1});
        tree.remove(3);
        QVERIFY(!tree.has(4));
    }

    /// A long thread's messages are not copied when another branch is shown.
    void switchingMovesMessages() {
        MessageTree tree;
        for (MessageId id = 1; id <= 100; ++id) {
            Message message = messageUnder(id, id - 1);
            message.run.tokens.resize(50);
            tree.append(std::move(message));
        }
        const TokenRecord* first = tree.find(1)->run.tokens.data();
        const TokenRecord* last = tree.find(100)->run.tokens.data();
        tree.append(messageUnder(101, 60));
        QVERIFY(!tree.isShown(100));
        QCOMPARE(tree.find(100)->run.tokens.data(), last);
        tree.select(100);
        QCOMPARE(tree.thread().size(), 100);
        QCOMPARE(tree.find(1)->run.tokens.data(), first);
        QCOMPARE(tree.find(100)->run.tokens.data(), last);
    }

    void doesAsTheNaiveTree_data() {
        QTest::addColumn<unsigned>("seed");
        for (unsigned seed = 1; seed <= 40; ++seed)
            QTest::addRow("seed %u", seed) << seed;
    }
    void doesAsTheNaiveTree() {
        QFETCH(unsigned, seed);
        std::mt19937 random(seed);
        MessageTree tree;
        NaiveTree naive;
        const auto any = [&](MessageId most) { return MessageId(random() % unsigned(most + 1)); };
        MessageId last = 0;
        for (int i = 0; i < 300; ++i) {
            const MessageId id = any(last + 1);
            switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                ++last;
                QCOMPARE(tree.append(messageUnder(last, id)), naive.append(last, id));
                break;
            case 3: // under what is shown, as a chat grows
                ++last;
                QCOMPARE(tree.append(messageUnder(last, idsOf(tree).value(tree.thread().size() - 1))),
                         naive.append(last, naive.thread().value(naive.thread().size() - 1)));
                break;
            case 4:
            case 5:
                tree.select(id);
                naive.select(id);
                break;
            case 6:
                tree.remove(id);
                naive.remove(id);
                break;
            case 7:
                QCOMPARE(tree.restore(id), naive.restore(id));
                break;
            }
            if (random() % 16 == 0)
                tree = readAgain(naive);
            if (!compare(tree, naive, last))
                return;
        }
    }

  private:
    /// As the store gives it: without what is removed. What was, cannot come back there.
    static MessageTree readAgain(NaiveTree& naive) {
        const auto away = [&](const NaiveTree::Entry& e) {
            return !e.removals.empty() || (e.parent != 0 && !naive.entry(e.parent));
        };
        while (std::ranges::any_of(naive.all, away)) {
            std::vector<NaiveTree::Entry> left;
            std::ranges::copy_if(naive.all, std::back_inserter(left), std::not_fn(away));
            naive.all = std::move(left);
        }
        QList<Message> messages;
        for (const NaiveTree::Entry& e : naive.all)
            messages.append(messageUnder(e.id, e.parent));
        QHash<MessageId, MessageId> shown;
        for (const auto& [parent, child] : naive.shown)
            shown.insert(parent, child);
        return MessageTree(messages, shown);
    }

    static bool compare(const MessageTree& tree, const NaiveTree& naive, MessageId last) {
        const auto same = [&] {
            QCOMPARE(idsOf(tree), naive.thread());
            for (const Message& message : tree.thread())
                QCOMPARE(message.siblings, naive.children(message.parent));
            for (MessageId id = 1; id <= last; ++id) {
                QCOMPARE(tree.has(id), naive.has(id));
                QCOMPARE(tree.find(id) != nullptr, naive.entry(id) != nullptr);
                QCOMPARE(tree.indexOf(id), int(naive.thread().indexOf(id)));
                QCOMPARE(tree.children(id), naive.children(id));
                QCOMPARE(tree.siblings(id),
                         naive.has(id) ? naive.children(naive.entry(id)->parent) : QList<MessageId>());
                if (tree.find(id))
                    QCOMPARE(tree.find(id)->text(), QString::number(id));
                MessageId leaf = naive.has(id) ? id : 0;
                while (leaf != 0 && naive.next(leaf) != 0)
                    leaf = naive.next(leaf);
                QCOMPARE(tree.leafBelow(id), leaf);
            }
        };
        same();
        return !QTest::currentTestFailed();
    }
};

QTEST_GUILESS_MAIN(MessageTreeTest)
#include "tst_message_tree.moc"
