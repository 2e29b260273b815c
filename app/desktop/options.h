// The desktop program's command line.
#pragma once

#include <QString>
#include <QStringList>

namespace switchyard {

struct DesktopOptions {
    QString model;       ///< file to load; empty: the last one used
    QString data_folder; ///< empty: the user's
    QString prompt;      ///< sent as soon as the model is there
    QString grab;      ///< PNG of the window, after the answer or, without a prompt, when the model is there
    bool quit = false; ///< after that
    bool timing = false; ///< says on stderr how long starting took
};

/// What the command line asks for. `exit_code` 0 or more: say `text` (0: stdout, else stderr) and end.
struct ParsedOptions {
    DesktopOptions options;
    int exit_code = -1;
    QString text;
};

/// `arguments` with the program's name first. Needs no display and no application object.
ParsedOptions parseOptions(const QStringList& arguments);

} // namespace switchyard
