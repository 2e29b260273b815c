// What the window and its pages work with.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/devices.h"
#include "app/services/hub/downloads.h"
#include "app/services/hub/hub.h"
#include "app/services/idle_unload.h"
#include "app/services/job_queue.h"
#include "app/services/model_library.h"
#include "app/services/paths.h"
#include "app/services/presets.h"
#include "app/services/settings.h"
#include "app/services/system_prompts.h"
#include "app/services/transfer/chat_transfer.h"

namespace switchyard {

class ThemeManager;

/// All must outlive the window.
struct WindowServices {
    Settings& settings;
    CurrentModel& model;
    Devices& devices;
    JobQueue& jobs;
    ModelLibrary& library;
    ChatController& controller;
    Presets& presets;
    SystemPrompts& prompts;
    ThemeManager& theme;
    Paths paths;
    Downloads& downloads;
    Hub& hub;
    IdleUnload& idle;
    ChatTransfer& transfer; ///< chats into files and from them
};

} // namespace switchyard
