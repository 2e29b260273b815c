#include "ui/keys_window.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QAction>
#include <QGridLayout>
#include <QLabel>

using namespace Qt::StringLiterals;

namespace switchyard {

KeysWindow::KeysWindow(const QList<QAction*>& actions, QWidget* parent) : QDialog(parent) {
    setObjectName(u"keys"_s);
    setWindowTitle(tr("Keys"));
    setAttribute(Qt::WA_DeleteOnClose);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(24, 20, 24, 20);
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(9);
    const int half = static_cast<int>(actions.size() + 1) / 2;
    for (int i = 0; i < actions.size(); ++i) {
        QStringList keys;
        for (const QKeySequence& key : actions[i]->shortcuts().mid(0, 1))
            keys << key.toString(QKeySequence::NativeText);
        auto* key = new PlainLabel(keys.join(u", "_s), this);
        key->setProperty("keycap", true);
        key->setAlignment(Qt::AlignCenter);
        auto* text = new PlainLabel(QString(actions[i]->text()).remove(u'&').remove(u'…'), this);
        text->setBuddy(key);
        const int column = i < half ? 0 : 3;
        grid->addWidget(key, i % half, column, Qt::AlignLeft);
        grid->addWidget(text, i % half, column + 1);
    }
    grid->setColumnMinimumWidth(2, 24);
}

} // namespace switchyard
