// What most of these tests include, compiled once for all of them (switchyard_precompiled). Nobody includes
// it.
#pragma once

#include "tests/ui/chat_desk.h"
#include "tests/ui/real_desk.h"
#include "ui/insight/memory_plot.h"
#include "ui/insight/speed_plot.h"

#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QToolButton>
#include <QTreeView>
