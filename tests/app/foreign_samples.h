// Small exports as other programs write them.
#pragma once

#include <QByteArray>

namespace switchyard {

/// A conversation with a system node that says nothing, a question that was edited (two versions), an answer
/// that thought and used a tool, and an answer that was made anew; the second version of it is shown.
inline QByteArray chatGptSample() {
    return R"json([{
 "title": "Moon \ud83c\udf15", "create_time": 1700000000.25, "update_time": 1700000900.5,
 "current_node": "a2", "conversation_id": "conv-1", "id": "conv-1", "is_archived": false,
 "mapping": {
  "root": {"id": "root", "message": null, "parent": null, "children": ["sys"]},
  "sys": {"id": "sys", "parent": "root", "children": ["q0", "q1"], "message": {"id": "sys",
    "author": {"role": "system", "name": null, "metadata": {}}, "create_time": null,
    "content": {"content_type": "text", "parts": [""]}, "status": "finished_successfully",
    "weight": 0.0, "metadata": {"is_visually_hidden_from_conversation": true}, "recipient": "all"}},
  "q0": {"id": "q0", "parent": "sys", "children": ["a0"], "message": {"id": "q0",
    "author": {"role": "user"}, "create_time": 1700000001.0,
    "content": {"content_type": "text", "parts": ["How far is the mon?"]}, "metadata": {}, "recipient": "all"}},
  "a0": {"id": "a0", "parent": "q0", "children": [], "message": {"id": "a0",
    "author": {"role": "assistant"}, "create_time": 1700000002.0,
    "content": {"content_type": "text", "parts": ["Which mon?"]},
    "metadata": {"model_slug": "gpt-4o"}, "recipient": "all"}},
  "q1": {"id": "q1", "parent": "sys", "children": ["think"], "message": {"id": "q1",
    "author": {"role": "user"}, "create_time": 1700000010.0,
    "content": {"content_type": "multimodal_text", "parts": [
      {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-1", "size_bytes": 5},
      "How far is the moon?"]},
    "metadata": {"attachments": [{"id": "f", "name": "report.pdf", "mime_type": "application/pdf"}]},
    "recipient": "all"}},
  "think": {"id": "think", "parent": "q1", "children": ["recap"], "message": {"id": "think",
    "author": {"role": "assistant"}, "create_time": 1700000011.0,
    "content": {"content_type": "thoughts", "thoughts": [{"summary": "Looking it up", "content": "It varies."}]},
    "metadata": {"model_slug": "gpt-5-thinking"}, "recipient": "all"}},
  "recap": {"id": "recap", "parent": "think", "children": ["code"], "message": {"id": "recap",
    "author": {"role": "assistant"}, "create_time": 1700000012.0,
    "content": {"content_type": "reasoning_recap", "content": "Thought for 3s"},
    "metadata": {"finished_duration_sec": 3}, "recipient": "all"}},
  "code": {"id": "code", "parent": "recap", "children": ["out"], "message": {"id": "code",
    "author": {"role": "assistant"}, "create_time": 1700000013.0,
    "content": {"content_type": "code", "language": "unknown", "text": "print(384400)"},
    "metadata": {}, "recipient": "python"}},
  "out": {"id": "out", "parent": "code", "children": ["a1", "a2"], "message": {"id": "out",
    "author": {"role": "tool", "name": "python"}, "create_time": 1700000014.0,
    "content": {"content_type": "execution_output", "text": "384400"}, "metadata": {}, "recipient": "all"}},
  "a1": {"id": "a1", "parent": "out", "children": [], "message": {"id": "a1",
    "author": {"role": "assistant"}, "create_time": 1700000015.0,
    "content": {"content_type": "text", "parts": ["About 384,400 km."]},
    "metadata": {"model_slug": "gpt-5-thinking"}, "recipient": "all"}},
  "a2": {"id": "a2", "parent": "out", "children": ["q2"], "message": {"id": "a2",
    "author": {"role": "assistant"}, "create_time": 1700000016.0,
    "content": {"content_type": "text", "parts": ["384,400 km on average."]},
    "metadata": {"model_slug": "gpt-5-thinking"}, "recipient": "all"}},
  "q2": {"id": "q2", "parent": "a2", "children": [], "message": {"id": "q2",
    "author": {"role": "user"}, "create_time": 1700000020.0,
    "content": {"content_type": "text", "parts": ["Thanks \ud83d"]}, "metadata": {}, "recipient": "all"}}
 }}])json";
}

/// A chat with a system prompt, a file, thoughts, a tool, two answers, and one that failed.
inline QByteArray openWebUiSample() {
    return R"json([{
 "id": "c-1", "user_id": "u", "title": "Tea", "updated_at": 1700001000, "created_at": 1700000000,
 "share_id": null, "archived": false, "pinned": true, "meta": {}, "folder_id": null,
 "chat": {"id": "", "title": "Tea", "models": ["qwen2.5:7b"], "params": {"system": "Be brief."}, "timestamp": 1700000000123,
  "history": {"currentId": "m3", "messages": {
   "m1": {"id": "m1", "parentId": null, "childrenIds": ["m2", "m3", "m4"], "role": "user", "content": "Green or black?",
     "timestamp": 1700000001, "models": ["qwen2.5:7b"],
     "files": [{"type": "file", "name": "tea.txt", "file": {"data": {"content": "all about tea"}}},
               {"type": "image", "url": "data:image/png;base64,AAAA"}]},
   "m2": {"id": "m2", "parentId": "m1", "childrenIds": [], "role": "assistant", "model": "qwen2.5:7b", "done": true,
     "timestamp": 1700000002, "content": "Green."},
   "m3": {"id": "m3", "parentId": "m1", "childrenIds": [], "role": "assistant", "model": "deepseek-r1:7b", "done": true,
     "timestamp": 1700000003,
     "content": "<details type=\"reasoning\" done=\"true\" duration=\"3\">\n<summary>Thought for 3 seconds</summary>\n&gt; Caffeine &amp; taste.\n&gt; Both.\n</details>\n<details type=\"tool_calls\" done=\"true\" id=\"1\" name=\"search\" arguments=\"{&quot;q&quot;: 1}\" result=\"found\">\n<summary>Tool Executed</summary>\n</details>\nBlack, in the morning."},
   "m4": {"id": "m4", "parentId": "m1", "childrenIds": [], "role": "assistant", "model": "x", "content": "",
     "error": {"content": "Ollama: 500"}, "timestamp": 1700000004}
  }},
  "messages": [], "tags": []}}])json";
}

/// A chat whose answer has two versions, of which the first is selected, with thoughts and a tool.
inline QByteArray lmStudioSample() {
    return R"json({
 "name": "Sky", "pinned": false, "createdAt": 1736789912980, "preset": "", "tokenCount": 42, "systemPrompt": "",
 "userLastMessagedAt": 1736789920000, "assistantLastMessagedAt": 1736789930000,
 "messages": [
  {"versions": [{"type": "singleStep", "role": "user", "content": [
      {"type": "file", "fileIdentifier": "sky.png", "fileType": "image", "sizeBytes": 3},
      {"type": "text", "text": "Why is the sky blue?"}]}], "currentlySelected": 0},
  {"versions": [
    {"type": "multiStep", "role": "assistant", "senderInfo": {"senderName": "lmstudio/qwen3"}, "steps": [
      {"type": "contentBlock", "stepIdentifier": "1", "style": {"type": "thinking", "ended": true, "title": "Thought for 2.5 seconds"},
       "prefix": "<think>", "suffix": "</think>", "content": [{"type": "text", "text": "Rayleigh."}]},
      {"type": "contentBlock", "stepIdentifier": "2", "content": [
        {"type": "toolCallRequest", "callId": 1, "name": "lookup", "parameters": {"word": "sky"}}]},
      {"type": "contentBlock", "stepIdentifier": "3", "content": [
        {"type": "toolCallResult", "callId": 1, "content": "scattering"}]},
      {"type": "contentBlock", "stepIdentifier": "4", "content": [{"type": "text", "text": "Scattering.", "tokensCount": 3}],
       "genInfo": {"indexedModelIdentifier": "q", "identifier": "qwen3-8b", "stats": {"stopReason": "eosFound"}}},
      {"type": "debugInfoBlock", "debugInfo": "internal"}]},
    {"type": "multiStep", "role": "assistant", "steps": [
      {"type": "contentBlock", "content": [{"type": "text", "text": "<think>short</think>It is not."}]}]}],
   "currentlySelected": 0},
  {"versions": [{"type": "singleStep", "role": "user", "content": [{"type": "text", "text": "And red at dusk?"}]}],
   "currentlySelected": 0}],
 "perChatPredictionConfig": {"fields": [{"key": "llm.prediction.systemPrompt", "value": "You know physics."},
                                        {"key": "llm.prediction.temperature", "value": 9}]},
 "clientInput": "", "plugins": []})json";
}

} // namespace switchyard
