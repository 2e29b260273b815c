// What the reader of documents gives up before it looks at one, so that a file which takes it over can do
// nothing with it but say a wrong text.
#pragma once

namespace switchyard {

/// From here on this process, and its threads to come, can open no file for writing and change none, can
/// reach no network, no other program and no other process, and can start none. Where the kernel has
/// Landlock, it reads no more than `document`, the system's own files and the fonts. Calls that are refused
/// fail with EACCES (ENOSYS where a library then takes an older one); a call made as another kind of machine
/// makes it ends the process. Where the system has no such means, what is left are the limits that the
/// process was started with.
void giveUpRights(const char* document);

} // namespace switchyard
