<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>ChatGroupTexts</name>
    <message numerus="yes">
        <source>%n found</source>
        <translation>
            <numerusform>%n found</numerusform>
            <numerusform>%n found</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EngineErrors</name>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n thread</numerusform>
            <numerusform>%n threads</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MarkdownWriter</name>
    <message numerus="yes">
        <source>A table of %n columns, shown as text:</source>
        <translation>
            <numerusform>A table of %n column, shown as text:</numerusform>
            <numerusform>A table of %n columns, shown as text:</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MessageContent</name>
    <message numerus="yes">
        <source>%n experts</source>
        <translation>
            <numerusform>%n expert</numerusform>
            <numerusform>%n experts</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 → %n experts</source>
        <translation>
            <numerusform>%1 → %n expert</numerusform>
            <numerusform>%1 → %n experts</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Thinking, %n s</source>
        <translation>
            <numerusform>Thinking, %n s</numerusform>
            <numerusform>Thinking, %n s</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Thought for %n s</source>
        <translation>
            <numerusform>Thought for %n s</numerusform>
            <numerusform>Thought for %n s</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MessageLayout</name>
    <message numerus="yes">
        <source>The limit of %Ln tokens was used up by thinking, before the answer. Continue goes on from here; “%1” in the Tune column sets the limit.</source>
        <translation>
            <numerusform>The limit of %Ln token was used up by thinking, before the answer. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
            <numerusform>The limit of %Ln tokens was used up by thinking, before the answer. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Cut at the limit of %Ln tokens. Continue goes on from here; “%1” in the Tune column sets the limit.</source>
        <translation>
            <numerusform>Cut at the limit of %Ln token. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
            <numerusform>Cut at the limit of %Ln tokens. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::ChatFiles</name>
    <message numerus="yes">
        <source>%n chat(s) were written to %1.</source>
        <translation>
            <numerusform>%n chat was written to %1.</numerusform>
            <numerusform>%n chats were written to %1.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) were imported.</source>
        <translation>
            <numerusform>%n chat was imported.</numerusform>
            <numerusform>%n chats were imported.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) were here already.</source>
        <translation>
            <numerusform>%n chat was here already.</numerusform>
            <numerusform>%n chats were here already.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) without messages were left out.</source>
        <translation>
            <numerusform>%n chat without messages was left out.</numerusform>
            <numerusform>%n chats without messages were left out.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n entry(s) that cannot be read as chats were left out.</source>
        <translation>
            <numerusform>%n entry that cannot be read as a chat was left out.</numerusform>
            <numerusform>%n entries that cannot be read as chats were left out.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n record(s) or dial(s) could not be taken over.</source>
        <translation>
            <numerusform>%n record or dial could not be taken over.</numerusform>
            <numerusform>%n records or dials could not be taken over.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::ChatPage</name>
    <message numerus="yes">
        <source>The context is full: the oldest %n exchanges will be left out of what the model reads. They stay in the chat, and the system prompt stays with the model.</source>
        <translation>
            <numerusform>The context is full: the oldest %n exchange will be left out of what the model reads. It stays in the chat, and the system prompt stays with the model.</numerusform>
            <numerusform>The context is full: the oldest %n exchanges will be left out of what the model reads. They stay in the chat, and the system prompt stays with the model.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The context is nearly full: the answer ends after %Ln tokens. The oldest questions and answers can be left out of what the model reads.</source>
        <translation>
            <numerusform>The context is nearly full: the answer ends after %Ln token. The oldest questions and answers can be left out of what the model reads.</numerusform>
            <numerusform>The context is nearly full: the answer ends after %Ln tokens. The oldest questions and answers can be left out of what the model reads.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::Composer</name>
    <message numerus="yes">
        <source>%n tokens</source>
        <translation>
            <numerusform>%n token</numerusform>
            <numerusform>%n tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::DeletedChats</name>
    <message numerus="yes">
        <source>Chats stay here for %n days and are not found by a search. Then they are deleted for good.</source>
        <translation>
            <numerusform>Chats stay here for %n day and are not found by a search. Then they are deleted for good.</numerusform>
            <numerusform>Chats stay here for %n days and are not found by a search. Then they are deleted for good.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Delete %n chat(s) for good?</source>
        <translation>
            <numerusform>Delete %n chat for good?</numerusform>
            <numerusform>Delete %n chats for good?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::DeletedChatsModel</name>
    <message numerus="yes">
        <source>%1 · %n day(s) left</source>
        <translation>
            <numerusform>%1 · %n day left</numerusform>
            <numerusform>%1 · %n days left</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::DownloadRow</name>
    <message numerus="yes">
        <source>%n second(s) left</source>
        <translation>
            <numerusform>%n second left</numerusform>
            <numerusform>%n seconds left</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n minute(s) left</source>
        <translation>
            <numerusform>%n minute left</numerusform>
            <numerusform>%n minutes left</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) left</source>
        <translation>
            <numerusform>%n hour left</numerusform>
            <numerusform>%n hours left</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::FindModels</name>
    <message numerus="yes">
        <source>%n model(s) for “%1”, the most used first.</source>
        <translation>
            <numerusform>%n model for “%1”.</numerusform>
            <numerusform>%n models for “%1”, the most used first.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) of %1.</source>
        <translation>
            <numerusform>%n file of %1.</numerusform>
            <numerusform>%n files of %1.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::HubFiles</name>
    <message numerus="yes">
        <source>Folder of %n file(s)</source>
        <translation>
            <numerusform>Folder of %n file</numerusform>
            <numerusform>Folder of %n files</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 (%n parts)</source>
        <translation>
            <numerusform>%1 (%n part)</numerusform>
            <numerusform>%1 (%n parts)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::JobsButton</name>
    <message numerus="yes">
        <source>%n job(s) failed</source>
        <translation>
            <numerusform>%n job failed</numerusform>
            <numerusform>%n jobs failed</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n job(s) done</source>
        <translation>
            <numerusform>%n job done</numerusform>
            <numerusform>%n jobs done</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n download(s) paused</source>
        <translation>
            <numerusform>%n download paused</numerusform>
            <numerusform>%n downloads paused</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n downloads</source>
        <translation>
            <numerusform>%n download</numerusform>
            <numerusform>%n downloads</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::ModelCard</name>
    <message numerus="yes">
        <source>%1 (%n parts, %2) goes to the trash.</source>
        <translation>
            <numerusform>%1 (%n part, %2) goes to the trash.</numerusform>
            <numerusform>%1 (%n parts, %2) goes to the trash.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::ModelLoading</name>
    <message numerus="yes">
        <source>%n more note(s) stand beside the model&apos;s name.</source>
        <translation>
            <numerusform>%n more note stands beside the model&apos;s name.</numerusform>
            <numerusform>%n more notes stand beside the model&apos;s name.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 is loaded when %n answer(s) have ended.</source>
        <translation>
            <numerusform>%1 is loaded when %n answer has ended.</numerusform>
            <numerusform>%1 is loaded when %n answers have ended.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Load now, stopping %n answer(s)</source>
        <translation>
            <numerusform>Load now, stopping %n answer</numerusform>
            <numerusform>Load now, stopping %n answers</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 is opened on %2 when %n answer(s) have ended.</source>
        <translation>
            <numerusform>%1 is opened on %2 when %n answer has ended.</numerusform>
            <numerusform>%1 is opened on %2 when %n answers have ended.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Open now, stopping %n answer(s)</source>
        <translation>
            <numerusform>Open now, stopping %n answer</numerusform>
            <numerusform>Open now, stopping %n answers</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::ModelPicker</name>
    <message numerus="yes">
        <source>%n note(s)</source>
        <translation>
            <numerusform>%n note</numerusform>
            <numerusform>%n notes</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::ModelsPage</name>
    <message numerus="yes">
        <source>%n model file(s) in your folders.</source>
        <translation>
            <numerusform>%n model file in your folders.</numerusform>
            <numerusform>%n model files in your folders.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1: %n.</source>
        <translation>
            <numerusform>%1: %n.</numerusform>
            <numerusform>%1: %n.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::OpenChat</name>
    <message numerus="yes">
        <source>The context of %Ln tokens is full: start a new chat, or choose a model with a larger context and continue with that.</source>
        <translation>
            <numerusform>The context of %Ln token is full: start a new chat, or choose a model with a larger context and continue with that.</numerusform>
            <numerusform>The context of %Ln tokens is full: start a new chat, or choose a model with a larger context and continue with that.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::PromptWindow</name>
    <message numerus="yes">
        <source>%n tokens.</source>
        <translation>
            <numerusform>%n token.</numerusform>
            <numerusform>%n tokens.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The chat&apos;s %n oldest messages were left out.</source>
        <translation>
            <numerusform>The chat&apos;s %n oldest message was left out.</numerusform>
            <numerusform>The chat&apos;s %n oldest messages were left out.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::StatusLine</name>
    <message numerus="yes">
        <source>%n other chat(s) answering</source>
        <translation>
            <numerusform>%n other chat answering</numerusform>
            <numerusform>%n other chats answering</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::UndoStack</name>
    <message numerus="yes">
        <source>The message was deleted, and with it all that follows it: %Ln more messages.</source>
        <translation>
            <numerusform>The message was deleted, and with it what follows it: %Ln more message.</numerusform>
            <numerusform>The message was deleted, and with it all that follows it: %Ln more messages.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The Chat menu brings deleted messages back for %n days.</source>
        <translation>
            <numerusform>The Chat menu brings deleted messages back for %n day.</numerusform>
            <numerusform>The Chat menu brings deleted messages back for %n days.</numerusform>
        </translation>
    </message>
</context>
</TS>
