// A limit on the sizes of files, which stands in for a full disk.
#pragma once

#include <sys/resource.h>

namespace switchyard::test {

/// While it lives no file of this process, or of one that it starts, grows beyond `bytes`. SIGXFSZ is left as
/// it is: it ends the process that tries, unless that ignores it; then writing fails.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    rlimit before_{};
};

} // namespace switchyard::test
