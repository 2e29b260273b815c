# Fills a folder with the programs and every library that they need on a system with glibc 2.36 or newer.
# usage: cmake -DBUILD=build/package -DFOLDER=... -P bundle.cmake
#
# Not brought, because the system's own are always new enough: glibc, and GCC's libstdc++ and libgcc_s, which came with GCC 12
# in the same year. Everything else is, OpenGL's dispatch libraries too: Qt is linked to them. No plugin of Qt's that would draw
# with OpenGL comes along, the window is painted by the processor, so that no driver of the system's is ever loaded into the
# program, with which these libraries would have to agree. Neither is GTK's theme: it would bring all of GTK.
cmake_minimum_required(VERSION 3.25)
cmake_policy(SET CMP0109 NEW)

execute_process(COMMAND ${CMAKE_COMMAND} --install "${BUILD}" --component desktop --prefix "${FOLDER}" --strip
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
set(LIBRARIES "${FOLDER}/lib/switchyard")
foreach(PLACE PLUGINS TRANSLATIONS LIBS)
    execute_process(COMMAND qtpaths6 --query QT_INSTALL_${PLACE} OUTPUT_VARIABLE QT_${PLACE} OUTPUT_STRIP_TRAILING_WHITESPACE
        COMMAND_ERROR_IS_FATAL ANY)
endforeach()

set(PLUGINS
    iconengines/libqsvgicon.so
    imageformats/libqgif.so imageformats/libqico.so imageformats/libqjpeg.so imageformats/libqsvg.so
    platforminputcontexts/libcomposeplatforminputcontextplugin.so
    platforminputcontexts/libfcitx5platforminputcontextplugin.so
    platforminputcontexts/libibusplatforminputcontextplugin.so
    platforms/libqoffscreen.so platforms/libqwayland-generic.so platforms/libqxcb.so
    platformthemes/libqxdgdesktopportal.so
    sqldrivers/libqsqlite.so
    tls/libqopensslbackend.so
    wayland-decoration-client/libbradient.so
    wayland-shell-integration/libxdg-shell.so)
foreach(PLUGIN ${PLUGINS})
    if(NOT EXISTS "${QT_PLUGINS}/${PLUGIN}")
        message(FATAL_ERROR "${QT_PLUGINS}/${PLUGIN} is missing: install what installer/packaging.txt names")
    endif()
    cmake_path(GET PLUGIN PARENT_PATH KIND)
    file(COPY "${QT_PLUGINS}/${PLUGIN}" DESTINATION "${LIBRARIES}/plugins/${KIND}")
    list(APPEND MODULES "${QT_PLUGINS}/${PLUGIN}")
endforeach()

# Opened by their names alone: OpenSSL by Qt, the keyring's library by QtKeychain where that is linked.
foreach(NAME libssl.so.3 libcrypto.so.3 libsecret-1.so.0)
    set(PATH "${QT_LIBS}/${NAME}")
    if(EXISTS "${PATH}")
        list(APPEND OPENED "${PATH}")
    elseif(NOT NAME MATCHES "secret")
        message(FATAL_ERROR "${PATH} is missing: install what installer/packaging.txt names")
    endif()
endforeach()
list(APPEND MODULES ${OPENED})

# Mathematics is set in a font that few systems have; the programs look for it here.
set(FONT /usr/share/fonts/opentype/stix-word/STIXMath-Regular.otf)
if(NOT EXISTS "${FONT}")
    message(FATAL_ERROR "${FONT} is missing: install what installer/packages.txt names")
endif()
file(COPY "${FONT}" DESTINATION "${FOLDER}/share/switchyard/fonts")

file(GLOB PROGRAMS "${FOLDER}/bin/*" "${FOLDER}/libexec/switchyard/*")
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${PROGRAMS} MODULES ${MODULES} RESOLVED_DEPENDENCIES_VAR NEEDED
    PRE_EXCLUDE_REGEXES "^(ld-linux-.*|lib(c|m|dl|rt|anl|mvec|util|pthread|resolv|stdc\\+\\+|gcc_s))\\.so\\.[0-9]+$")
foreach(LIBRARY ${NEEDED} ${OPENED})
    cmake_path(GET LIBRARY FILENAME NAME)
    file(REAL_PATH "${LIBRARY}" REAL)
    file(COPY_FILE "${REAL}" "${LIBRARIES}/${NAME}" ONLY_IF_DIFFERENT)
    list(APPEND BROUGHT "${REAL}")
endforeach()

file(GLOB WORDS "${QT_TRANSLATIONS}/qtbase_zh_CN.qm" "${QT_TRANSLATIONS}/qtbase_en.qm")
file(COPY ${WORDS} DESTINATION "${LIBRARIES}/translations")
file(WRITE "${FOLDER}/bin/qt.conf" "[Paths]\nPrefix = ../lib/switchyard\nPlugins = plugins\nTranslations = translations\n")

# For the notes on licences: every file that is another's.
foreach(PLUGIN ${MODULES} ${WORDS} ${FONT})
    file(REAL_PATH "${PLUGIN}" REAL)
    list(APPEND BROUGHT "${REAL}")
endforeach()
list(REMOVE_DUPLICATES BROUGHT)
list(SORT BROUGHT)
list(JOIN BROUGHT "\n" LINES)
file(WRITE "${FOLDER}.files" "${LINES}\n")
