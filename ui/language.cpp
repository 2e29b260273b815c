#include "ui/language.h"

#include "ui/theme.h"

#include <QLibraryInfo>
#include <QLocale>
#include <QTranslator>

using namespace Qt::StringLiterals;

namespace switchyard {

static constexpr auto kTranslator = "switchyard.language"_L1;

void installLanguage(QCoreApplication& application, const QString& language) {
    initialiseUiResources();
    // A translator that goes takes its texts with it.
    qDeleteAll(application.findChildren<QTranslator*>(kTranslator, Qt::FindDirectChildrenOnly));
    static const QLocale standard; // numbers as they were before a language was chosen
    const QLocale locale = language.isEmpty() ? QLocale::system() : QLocale(language);
    QLocale::setDefault(language.isEmpty() ? standard : locale);
    const QString names[] = {u":/i18n"_s, QLibraryInfo::path(QLibraryInfo::TranslationsPath)};
    const QString prefixes[] = {u"switchyard"_s, u"qtbase"_s};
    for (int i = 0; i < 2; ++i) {
        auto* translator = new QTranslator(&application);
        translator->setObjectName(kTranslator);
        // English has a file too: of the forms that a number gives to a word.
        if (translator->load(locale, prefixes[i], u"_"_s, names[i]) ||
            (i == 0 && translator->load(names[i] + u'/' + prefixes[i] + u"_en"_s)))
            QCoreApplication::installTranslator(translator);
        else
            delete translator;
    }
}

} // namespace switchyard
