# Run by CPack between installing into its own folder and packing: what Debian's policy asks of files there, and one time for
# all of them, so that a build can be repeated to the byte.
file(GLOB PACKAGES "${CPACK_TEMPORARY_DIRECTORY}/*/usr")
foreach(ROOT ${PACKAGES})
    file(GLOB DOCUMENTS "${ROOT}/share/doc/*")
    execute_process(COMMAND python3 "${CMAKE_CURRENT_LIST_DIR}/debian_changelog.py" "${CMAKE_CURRENT_LIST_DIR}/../../CHANGELOG.md"
            "${CPACK_PACKAGE_CONTACT}"
        OUTPUT_FILE "${DOCUMENTS}/changelog" COMMAND_ERROR_IS_FATAL ANY)
    file(GLOB PAGES "${ROOT}/share/man/man1/*.1")
    execute_process(COMMAND gzip -9nf "${DOCUMENTS}/changelog" ${PAGES} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
if(DEFINED ENV{SOURCE_DATE_EPOCH})
    execute_process(COMMAND find "${CPACK_TEMPORARY_DIRECTORY}" -exec touch -hd "@$ENV{SOURCE_DATE_EPOCH}" {} +
        COMMAND_ERROR_IS_FATAL ANY)
endif()
