// The window over a machine with cards, for tests of what a user chooses to compute a model with.
#pragma once

#include "tests/ui/real_desk.h"

#include <QComboBox>
#include <QLabel>
#include <QToolButton>

namespace switchyard {

/// Its Base section is open.
struct DeviceDesk : RealDesk {
    DeviceDesk(const QString& folder, const LocalHostOptions& options) : RealDesk(folder, {}, options) {
        auto* base = find<QToolButton>(QStringLiteral("section.base"));
        if (!base->isChecked())
            base->click();
    }
    QComboBox* list() const { return find<QComboBox>(QStringLiteral("tune.device.list")); }
    QString why() const { return find<QLabel>(QStringLiteral("tune.device.why"))->text(); }
    QString notice() const { return find<QLabel>(QStringLiteral("picker.error"))->text(); }
    QLabel* vram() const { return find<QLabel>(QStringLiteral("status.card")); }
    /// Opens the list and takes the entry that begins so.
    void choose(const QString& text) {
        list()->showPopup();
        QTRY_VERIFY(devices.looked());
        const int row = list()->findText(text, Qt::MatchStartsWith);
        QVERIFY2(row >= 0, qPrintable(text));
        list()->hidePopup();
        list()->setFocus();
        while (list()->currentIndex() != row) {
            const int before = list()->currentIndex();
            QTest::keyClick(list(), before < row ? Qt::Key_Down : Qt::Key_Up);
            QVERIFY2(list()->currentIndex() != before, qPrintable(text));
        }
    }
    bool readyOn(int where) {
        return QTest::qWaitFor(
            [&] { return model.state() == ModelState::Ready && model.capabilities().card == where; }, 20000);
    }
};

} // namespace switchyard
