// The pages of the window, with the rail that shows which one is on screen.
#pragma once

#include <QHash>
#include <QPointer>
#include <QWidget>

class QActionGroup;
class QStackedWidget;
class QVBoxLayout;

namespace switchyard {

class NoticeBanner;
class Page;
class WindowActions;

class PageStack : public QWidget {
    Q_OBJECT
  public:
    /// `banner` stands over all pages.
    PageStack(WindowActions& actions, NoticeBanner* banner, QWidget* parent = nullptr);

    /// In the order of the rail; the first one is shown. It is reached by its action, too.
    void add(Page* page);
    void show(Page* page);
    void show(const QString& name); ///< as its sign has it; unknown: nothing changes
    QAction* action(Page* page) const { return shows_.value(page); }
    Page* current() const;

  Q_SIGNALS:
    void changed(switchyard::Page* page);

  private:
    WindowActions& actions_;
    QWidget* rail_;
    QVBoxLayout *rail_top_, *rail_end_;
    QActionGroup* group_;
    QStackedWidget* stack_;
    QHash<Page*, QAction*> shows_;
    QHash<Page*, QPointer<QWidget>> focus_; ///< where the keyboard was in a page
};

} // namespace switchyard
