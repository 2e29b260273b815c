// switchyard-read-document FILE BYTES: writes the text of a PDF or office file to the standard output, at
// most so many bytes, or ends with a code of DocumentTrouble. Who starts it sets its limits.
#include "app/documents/document_text.h"

#include <QFile>

#include <array>
#include <cstddef>
#include <cstdio>
#include <new>
#include <vector>

#ifdef Q_OS_LINUX
#include <cerrno>
#include <csignal>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

using namespace switchyard;

namespace {

/// Neither a network nor another program, whatever a document makes of this one.
void giveUpRights() {
#ifdef Q_OS_LINUX
    std::signal(SIGXFSZ, SIG_IGN); // no file can be written: whoever tries is told so
    const auto refused = [](unsigned int call) {
        return std::array<sock_filter, 2>{sock_filter(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1)),
                                          sock_filter(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES))};
    };
    std::vector<sock_filter> rules{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const unsigned int call : {SYS_socket, SYS_socketpair, SYS_connect, SYS_execve, SYS_execveat}) {
        const auto rule = refused(call);
        rules.insert(rules.end(), rule.begin(), rule.end());
    }
    rules.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
    // Where the system does not allow it, the limits are what is left.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
#endif
}

int end(DocumentTrouble trouble) { return static_cast<int>(trouble); }

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    giveUpRights();
    try {
        const qint64 most = QByteArray(argv[2]).toLongLong();
        const QByteArray text = documentText(QFile::decodeName(argv[1]), most).toUtf8();
        const bool written = std::fwrite(text.constData(), 1, static_cast<std::size_t>(text.size()),
                                         stdout) == static_cast<std::size_t>(text.size()) &&
                             std::fflush(stdout) == 0;
        return written ? 0 : 1;
    } catch (const DocumentFailure& failure) {
        return end(failure.trouble);
    } catch (const std::bad_alloc&) {
        return end(DocumentTrouble::TooLarge);
    } catch (const std::exception&) {
        return end(DocumentTrouble::Damaged);
    }
}
