// What most of these tests include, compiled once for all of them (switchyard_precompiled). Nobody includes
// it.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/hub/downloads.h"
#include "app/services/model_library.h"
#include "tests/app/store_fixture.h"
#include "tests/support/local_services.h"
#include "tests/support/scripted_server.h"
#include "tests/support/scripted_services.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>
