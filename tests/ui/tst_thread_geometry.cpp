// Where messages stand, and that what is read stays in place: numbers only, no window.
#include "ui/chat/message_content.h"
#include "ui/chat/thread_geometry.h"

#include <QRandomGenerator>
#include <QTest>

using namespace switchyard;

namespace {

/// `rows` rows of 100 pixels in a view of 800 x 600.
ThreadGeometry geometryOf(int rows) {
    ThreadGeometry geometry;
    geometry.setView({800, 600}, 16);
    geometry.setHeights(std::vector<qreal>(static_cast<std::size_t>(rows), 100));
    geometry.settle();
    return geometry;
}

} // namespace

class ThreadGeometryTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void nothingIsThere() {
        ThreadGeometry geometry = geometryOf(0);
        QCOMPARE(geometry.maximum(), 0);
        QCOMPARE(geometry.offset(), 0);
        QCOMPARE(geometry.rowAt(500), 0);
        geometry.keepAnchor();
        geometry.scrollTo(0);
        QVERIFY(geometry.following());
        ThreadGeometry fresh; // before it was ever settled
        QCOMPARE(fresh.rowAt(7), 0);
        QCOMPARE(fresh.inSight(), std::pair(0, 0));
    }

    void rowsStandBelowEachOther() {
        const ThreadGeometry geometry = geometryOf(20);
        QCOMPARE(geometry.top(0), 10.0);
        QCOMPARE(geometry.top(7), 710.0);
        QCOMPARE(geometry.maximum(), 10 + 2000 + 28 - 600);
        for (const auto& [y, row] :
             {std::pair(-50.0, 0), {10.0, 0}, {109.9, 0}, {110.0, 1}, {2009.0, 19}, {1e9, 19}})
            QCOMPARE(geometry.rowAt(y), row);
    }

    void theColumnIsInTheMiddleAndNotTooWide() {
        ThreadGeometry geometry;
        for (const int width : {100, 300, 700, 1200, 4000}) {
            geometry.setView({static_cast<qreal>(width), 600}, 16);
            QVERIFY(geometry.columnWidth() >= 160 && geometry.columnWidth() <= 800);
            if (width >= 300)
                QVERIFY(geometry.columnLeft() >= 28 &&
                        geometry.columnLeft() + geometry.columnWidth() <= width - 28);
        }
    }

    void theEndIsFollowed() {
        ThreadGeometry geometry = geometryOf(20);
        QCOMPARE(geometry.offset(), geometry.maximum());
        geometry.setHeight(19, 500);
        geometry.settle();
        QCOMPARE(geometry.offset(), geometry.maximum());
        geometry.scrollTo(geometry.maximum() - 50);
        QVERIFY(!geometry.following());
        const int read = geometry.offset();
        geometry.setHeight(19, 900);
        geometry.settle();
        QCOMPARE(geometry.offset(), read);
        geometry.scrollTo(geometry.maximum() - 1); // all but at the end
        QVERIFY(geometry.following());
    }

    /// Whatever heights turn out above or below, and whatever is scrolled to: what is at the top stays there.
    void whatIsReadStaysInPlace() {
        QRandomGenerator random(5);
        ThreadGeometry geometry = geometryOf(200);
        for (int round = 0; round < 300; ++round) {
            geometry.scrollTo(random.bounded(geometry.maximum() - 2));
            const int row = geometry.inSight().first;
            const int seen = geometry.rect(row).top();
            for (int i = 0; i < 20; ++i) {
                const int changed = random.bounded(200);
                if (changed != row)
                    geometry.setHeight(changed, 40 + random.bounded(400));
            }
            geometry.settle();
            if (geometry.offset() < geometry.maximum())
                QCOMPARE(geometry.rect(row).top(), seen);
            QVERIFY(geometry.offset() >= 0 && geometry.offset() <= geometry.maximum());
        }
    }

    void theAnchorIsKeptWhileTheEndIsFollowed() {
        ThreadGeometry geometry = geometryOf(20);
        geometry.keepAnchor();
        const int offset = geometry.offset();
        geometry.stopFollowing(); // something was clicked: nothing moves
        geometry.settle();
        QCOMPARE(geometry.offset(), offset);
        geometry.setHeight(19, 700); // it unfolds downwards
        geometry.settle();
        QCOMPARE(geometry.offset(), offset);
    }

    void aPlaceIsBroughtIntoSightOnlyIfItIsNot() {
        ThreadGeometry geometry = geometryOf(100);
        geometry.scrollTo(3000);
        geometry.reveal(32, 50, 20, 60);
        geometry.settle();
        QCOMPARE(geometry.offset(), 3000);
        for (const int row : {5, 90}) {
            geometry.reveal(row, 50, 20, 60);
            geometry.settle();
            QCOMPARE(geometry.top(row) + 50 - geometry.offset(), 200.0); // a third from the top
        }
        QVERIFY(!geometry.revealRow(geometry.inSight().first + 1));
        QVERIFY(geometry.revealRow(40));
        geometry.settle();
        QVERIFY(geometry.rect(40).top() >= 0 && geometry.rect(40).bottom() <= 600);
        geometry.setHeight(60, 2000); // higher than the view: its top
        geometry.settle();
        QVERIFY(geometry.revealRow(60));
        geometry.settle();
        QCOMPARE(geometry.rect(60).top(), 8);
    }

    void fewerRowsThanBefore() {
        ThreadGeometry geometry = geometryOf(100);
        geometry.anchorAt({90, 20});
        geometry.settle();
        geometry.setHeights({100, 100});
        geometry.settle();
        QCOMPARE(geometry.offset(), 0);
        QCOMPARE(geometry.inSight(), std::pair(0, 1));
        QCOMPARE(geometry.near(), std::pair(0, 1));
    }

    void aGuessGrowsWithTheText() {
        ThreadGeometry geometry = geometryOf(0);
        MessageContent content;
        content.parts.resize(2);
        qreal last = 0;
        for (const std::size_t size : {0u, 500u, 5000u, 50000u}) {
            content.parts[0].text = std::string(size, 'a');
            const qreal height = geometry.guessedHeight(content);
            QVERIFY(height > last);
            last = height;
        }
        content.parts[0].kind = PartKind::Thinking; // folded
        QVERIFY(geometry.guessedHeight(content) < 200);
    }
};

QTEST_APPLESS_MAIN(ThreadGeometryTest)
#include "tst_thread_geometry.moc"
