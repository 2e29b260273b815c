// A process whose numbers have a decimal comma, for tests.
#pragma once

#include "tests/support/temporary_folder.h"

#include <clocale>
#include <cstdlib>
#include <string>

namespace switchyard::test {

/// German numbers while it lives, from a locale of its own making where the machine has none.
class GermanNumbers {
  public:
    GermanNumbers() : before_(std::setlocale(LC_ALL, nullptr)) {
        if (set())
            return;
        const std::string command = "localedef -c -i de_DE -f UTF-8 " +
                                    (folder_.path() / "de_DE.UTF-8").string() + " >/dev/null 2>&1";
        if (std::system(command.c_str()) >= 0) {
            setenv("LOCPATH", folder_.path().c_str(), 1);
            set();
        }
    }
    ~GermanNumbers() {
        std::setlocale(LC_ALL, before_.c_str());
        unsetenv("LOCPATH");
    }
    bool here() const { return *std::localeconv()->decimal_point == ','; }

  private:
    bool set() { return std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr && here(); }
    TemporaryFolder folder_;
    std::string before_;
};

} // namespace switchyard::test
