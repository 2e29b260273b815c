#include "app/desktop/program.h"

#include "app/desktop/end_limit.h"
#include "app/desktop/errand.h"
#include "app/desktop/options.h"
#include "app/desktop/process_time.h"
#include "app/desktop/quit_signals.h"
#include "app/desktop/session_bus.h"
#include "app/services/chat_titles.h"
#include "app/services/conversation_store.h"
#include "app/services/library_places.h"
#include "app/services/single_instance.h"
#include "app/services/theme_watcher.h"
#include "engine/base/threads.h"
#include "ui/language.h"
#include "ui/theme.h"
#include "ui/window_host.h"

#include <QApplication>
#include <QDir>
#include <QFileInfo>
#include <QFontDatabase>
#include <QSessionManager>

#include <clocale>
#include <cstdio>
#include <optional>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// The command line is read before there is an application object, so that --help works without a display.
ParsedOptions readOptions(int argc, char** argv) {
    QCoreApplication::setApplicationName(u"switchyard"_s);
    QCoreApplication::setApplicationVersion(QStringLiteral(SWITCHYARD_VERSION));
    QGuiApplication::setDesktopFileName(u"switchyard"_s);
    QCoreApplication core(argc, argv);
    return parseOptions(QCoreApplication::arguments());
}

bool hasDisplay() {
#ifdef Q_OS_LINUX
    return !qEnvironmentVariableIsEmpty("DISPLAY") || !qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY") ||
           !qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM");
#else
    return true;
#endif
}

/// The folder the command line names, or that the settings choose, or the standard one.
Paths findPaths(const DesktopOptions& options) {
    Paths paths = Paths::standard(options.data_folder);
    if (!options.data_folder.isEmpty())
        return paths;
    const QString chosen = Settings(paths.settings).get<Setting::DataFolder>();
    if (chosen.isEmpty())
        return paths;
    Paths other = Paths::standard(chosen);
    other.settings = paths.settings;
    return other;
}

void followTheme(ThemeManager& theme, const Settings& settings, const ThemeWatcher& watcher) {
    const auto take = [&theme](ThemeWatcher::Scheme scheme) {
        if (scheme != ThemeWatcher::Scheme::Unknown)
            theme.setSystemDark(scheme == ThemeWatcher::Scheme::Dark);
    };
    QObject::connect(&watcher, &ThemeWatcher::changed, &theme, take);
    QObject::connect(&watcher, &ThemeWatcher::contrastChanged, &theme, &ThemeManager::setSystemContrast);
    QObject::connect(&settings, &Settings::changed, &theme, [&theme, &settings](Setting setting) {
        if (setting == Setting::Theme)
            theme.setChoice(settings.get<Setting::Theme>());
        else if (setting == Setting::Contrast)
            theme.setContrast(contrastOf(settings.get<Setting::Contrast>()));
        else if (setting == Setting::FontSize)
            theme.setFontSize(settings.get<Setting::FontSize>());
    });
    take(watcher.scheme());
}

void watchTheme(std::optional<ThemeWatcher>& watcher, ThemeManager& theme, const Settings& settings) {
    try {
        start_thread([] {}); // Qt's bus would wait for ever for a thread that the system does not give
        watcher.emplace();
        followTheme(theme, settings, *watcher);
    } catch (const Error&) {
        // The colours stay as they are.
    }
}

/// What another start passes to the program that runs already.
StartRequest requestOf(const DesktopOptions& options) {
    StartRequest request;
    if (!options.model.isEmpty())
        request.model = QFileInfo(options.model).absoluteFilePath();
    request.prompt = options.prompt;
    request.activation = qEnvironmentVariable("XDG_ACTIVATION_TOKEN");
    return request;
}

/// Those that a self-contained archive brings, for systems that may have none of the kind.
void addFonts() {
    const QDir fonts(QCoreApplication::applicationDirPath() + u"/../share/switchyard/fonts"_s);
    for (const QFileInfo& font : fonts.entryInfoList({u"*.otf"_s}, QDir::Files))
        QFontDatabase::addApplicationFont(font.filePath());
}

/// The process ends as it does by Ctrl+Q where the system asks for it, only without a question.
void endWithTheSystem(QApplication& application, const QuitSignals& signals_, WindowHost& host) {
    QObject::connect(&signals_, &QuitSignals::received, &host, [&host] { host.window().closeForSystem(); });
    // Not with the last window on the screen: chats may still be on their way to the disk.
    QApplication::setQuitOnLastWindowClosed(false);
    QObject::connect(
        &host, &WindowHost::closed, &application, [] { QCoreApplication::exit(0); }, Qt::QueuedConnection);
    // The session may yet go on: all is saved, nothing is ended.
    const auto save = [&host](QSessionManager&) { host.window().saveForSession(); };
    QObject::connect(&application, &QGuiApplication::commitDataRequest, &host, save, Qt::DirectConnection);
    QObject::connect(&application, &QGuiApplication::saveStateRequest, &host, save, Qt::DirectConnection);
}

/// What is left of an engine after this long is left behind: a process without a window would keep the data
/// folder.
constexpr std::chrono::seconds kEndLimit{8};

int runWindow(QApplication& application, const DesktopOptions& options, const MakeAnswers& make) {
    const Paths paths = findPaths(options);
    const QuitSignals quit_signals; // before the start may take long
    SingleInstance instance(paths.data);
    const SingleInstance::Claim claim = instance.claim(requestOf(options));
    if (claim != SingleInstance::Claim::First) {
        std::fprintf(stderr, "switchyard: %s\n", qPrintable(instance.sentence()));
        return claim == SingleInstance::Claim::HandedOver ? 0 : 1;
    }
    Settings settings(paths.settings);
    installLanguage(application, settings.get<Setting::Language>());
    addFonts();
    ThemeManager theme(application);
    theme.setChoice(settings.get<Setting::Theme>());
    theme.setContrast(contrastOf(settings.get<Setting::Contrast>()));
    theme.setFontSize(settings.get<Setting::FontSize>());

    EndLimit end_limit(kEndLimit);
    const AnswerServices answers = make(paths);
    JobQueue jobs(answers.jobs);
    const EndLimit::Start start_limit(end_limit); // once the chats are saved
    ConversationStore store(paths.data);
    ModelLibrary library({});
    Presets presets(paths.presets);
    SystemPrompts prompts(paths.prompts);
    answers.models->setSetups([&settings](const ModelKey& key) { return setupOf(settings, key); });
    CurrentModel model(*answers.models);
    LibraryPlaces places(library, model, settings, paths.models);
    Devices devices(answers.hardware, model, settings);
    ChatController controller(store, model, *answers.runs);
    ChatTitles titles(controller, model, *answers.runs, settings);
    // These ask the network for nothing but what the user asks for.
    DownloadOptions download_options;
    download_options.known = knownModels();
    download_options.memory = paths.data + u"/downloads.json"_s;
    Downloads downloads(download_options);
    downloads.remember();
    Hub hub(settings);
    downloads.setToken(hub.token());
    IdleUnload idle(model, controller, settings);
    ChatTransfer transfer(store);
    QObject::connect(&downloads, &Downloads::finished, &library, &ModelLibrary::rescan);
    const WindowServices services{settings, model, devices, jobs,      library, controller, presets,
                                  prompts,  theme, paths,   downloads, hub,     idle,       transfer};
    WindowHost host(services);
    Errand errand(options, services, host);
    std::optional<ThemeWatcher> watcher;
    QObject::connect(&host, &WindowHost::firstPainted, &errand, [&] {
        errand.begin();
        library.rescan();
        watchTheme(watcher, theme, settings); // asks the session bus: after the window is there
    });
    QObject::connect(&instance, &SingleInstance::requested, &errand, &Errand::take);
    endWithTheSystem(application, quit_signals, host);
    host.window().show();
    const int code = QApplication::exec();
    return code != 0 ? code : errand.exitCode();
}

} // namespace

int runProgram(int argc, char** argv, const MakeAnswers& make) {
    const ParsedOptions parsed = readOptions(argc, argv);
    if (parsed.exit_code >= 0) {
        std::fprintf(parsed.exit_code == 0 ? stdout : stderr, "%s%s", qPrintable(parsed.text),
                     parsed.text.endsWith(u'\n') ? "" : "\n");
        const bool arrived = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
        if (!arrived)
            std::fprintf(stderr, "switchyard: the output could not be written\n");
        return parsed.exit_code == 0 && !arrived ? 1 : parsed.exit_code;
    }
    if (!hasDisplay()) {
        std::fprintf(stderr, "switchyard: there is no display; chat in the terminal with "
                             "switchyard-cli chat MODEL\n");
        return 2;
    }
    leaveSilentBus();
    QApplication application(argc, argv);
    bool started = false;
    QMetaObject::invokeMethod(
        &application, [&started] { started = true; }, Qt::QueuedConnection);
    try {
        return runWindow(application, parsed.options, make);
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr,
                     started ? "switchyard: there was not enough memory to go on; what was written is saved\n"
                             : "switchyard: the program cannot start: there is not enough memory\n");
    } catch (
        const std::exception& error) { // no thread for what every start needs, or an error nobody expected
        std::fprintf(stderr,
                     started ? "switchyard: the program had to end: %s\n"
                             : "switchyard: the program cannot start: %s\n",
                     error.what());
    }
    return 1;
}

} // namespace switchyard
