// Keeps what this process has in RAM from being swapped out, as long as it lives.
#pragma once

#include <QString>

#include <memory>

namespace switchyard {

class MemoryLock {
  public:
    /// Locks all that is in memory now, and what of it is read later. nullptr where the system does not allow
    /// it; `why` is then a sentence (engineSentence() says it).
    static std::shared_ptr<MemoryLock> take(QString& why);
    /// The same again, for what has come since. False where the system does not allow it.
    bool extend();
    ~MemoryLock();
    MemoryLock(const MemoryLock&) = delete;
    MemoryLock& operator=(const MemoryLock&) = delete;

  private:
    MemoryLock() = default;
};

} // namespace switchyard
