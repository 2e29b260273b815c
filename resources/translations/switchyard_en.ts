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
    <name>Forecast</name>
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
        <source>The limit of %n tokens was used up by thinking, before the answer. Continue goes on from here; “%1” in the Tune column sets the limit.</source>
        <translation>
            <numerusform>The limit of %n token was used up by thinking, before the answer. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
            <numerusform>The limit of %n tokens was used up by thinking, before the answer. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Cut at the limit of %n tokens. Continue goes on from here; “%1” in the Tune column sets the limit.</source>
        <translation>
            <numerusform>Cut at the limit of %n token. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
            <numerusform>Cut at the limit of %n tokens. Continue goes on from here; “%1” in the Tune column sets the limit.</numerusform>
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
        <source>The context of %n tokens is full: start a new chat, or choose a model with a larger context and continue with that.</source>
        <translation>
            <numerusform>The context of %n token is full: start a new chat, or choose a model with a larger context and continue with that.</numerusform>
            <numerusform>The context of %n tokens is full: start a new chat, or choose a model with a larger context and continue with that.</numerusform>
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
</TS>
