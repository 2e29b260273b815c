// Whether the desktop wants dark windows and high contrast, from its settings portal.
#pragma once

#include <QDBusVariant>
#include <QObject>

namespace switchyard {

class ThemeWatcher : public QObject {
    Q_OBJECT
  public:
    enum class Scheme { Unknown, Light, Dark };
    /// Asks the portal; changed() follows where it answers. Unknown without one: look at the palette.
    explicit ThemeWatcher(QObject* parent = nullptr);
    Scheme scheme() const { return scheme_; }

  Q_SIGNALS:
    void changed(switchyard::ThemeWatcher::Scheme scheme);
    void contrastChanged(bool high);

  private Q_SLOTS:
    void settingChanged(const QString& group, const QString& key, const QDBusVariant& value);

  private:
    void ask(const QString& key);
    void take(const QString& key, const QVariant& value);
    Scheme scheme_ = Scheme::Unknown;
    bool high_contrast_ = false;
};

} // namespace switchyard
