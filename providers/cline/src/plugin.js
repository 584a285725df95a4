// session-bridge: messages between this Cline session and the user's other agent sessions.
//
// Written by `session-bridge init` and removed by `session-bridge uninstall`; changes made here are lost.
// It hands Cline's events to a program of the bridge and applies the answers. Whatever fails, fails in silence:
// Cline goes on as if this file were not there.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, utimes, watch } from "node:fs";
import { basename, dirname, join } from "node:path";

const PROGRAM = "@PROGRAM@";
const SERVER = "session-bridge__";
const ARGUMENT = "_session_bridge";

// Cline ends this process if a hook takes 3 s. All limits in milliseconds.
const HOOK_LIMIT = 2400;
const START_LIMIT = 8000;
const START_WAIT = 1000;
const BELL_LIMIT = 60_000;
const SIGN_OF_LIFE = 240_000;
// A longer prompt is a person's.
const PROMPT_CHARS = 2000;

const NOTHING = { status: null, out: "", err: "" };
const MARK = /^\[session-bridge delivery ([0-9A-Z]{26})\]/;

const nonce = randomBytes(16).toString("hex");
// The session of this process. Cline starts one process for each, and one without a session for its commands.
let session;
let started = Promise.resolve();
let bell;
// The agent that the user talks to, among those whose events come here as well.
let own;
let busy = false;
let ringing = false;
let rungAgain = false;
// Attempts whose text was handed to Cline and not yet seen in a request to the model.
const pending = new Set();

// Runs the bridge's program for one event. Never rejects.
function run(event, fields, limit) {
  return new Promise((done) => {
    try {
      const stdio = ["pipe", "pipe", "pipe"];
      const child = spawn(PROGRAM, ["cline", event], { stdio, timeout: limit, killSignal: "SIGKILL" });
      let out = "";
      let err = "";
      child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
      child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
      child.stdin.on("error", () => {});
      child.on("error", () => done(NOTHING));
      child.on("close", (status) => done({ status, out, err }));
      const payload = { hook_event_name: event, cline_plugin: 1, session_id: session, cwd: process.cwd(), nonce, ...fields };
      child.stdin.end(JSON.stringify(payload));
    } catch {
      done(NOTHING);
    }
  });
}

async function tell(event, snapshot, fields, limit = HOOK_LIMIT) {
  const subagent = snapshot && isSubagent(snapshot) ? { agent_id: snapshot.agentId } : {};
  const turn = { turn_id: snapshot?.runId, ...subagent, ...fields };
  const { status, out } = await run(event, turn, limit);
  return { heard: status === 0, ...answer(status === 0 ? out : "") };
}

function answer(text) {
  try {
    const said = JSON.parse(text);
    const more = said.hookSpecificOutput ?? {};
    return {
      context: more.additionalContext,
      watch: more.watchPaths?.[0],
      stop: said.decision === "block" ? said.reason : undefined,
    };
  } catch {
    return {};
  }
}

// A subagent names its parent. A teammate does not: its prompts are another agent's, without the wrapping of a user's.
function isSubagent(snapshot) {
  return Boolean(snapshot?.parentAgentId) || (own !== undefined && snapshot?.agentId !== own);
}

function notice(snapshot, prompt) {
  const mayBe = own === undefined || prompt.startsWith("<user_input");
  if (mayBe && !snapshot.parentAgentId) own = snapshot.agentId;
}

// The answer in Cline's words. The first line of a text with bodies names its attempt.
function applied({ context, stop }) {
  if (stop) return { stop: true, reason: stop };
  if (!context) return undefined;
  const mark = MARK.exec(context);
  if (mark) pending.add(mark[1]);
  return { appendContext: context };
}

function lastPrompt(messages) {
  const content = messages?.findLast((message) => message.role === "user")?.content ?? [];
  const parts = Array.isArray(content) ? content : [{ text: content }];
  return parts.map((part) => part.text ?? "").join("").slice(0, PROMPT_CHARS);
}

function holds(messages, attempt) {
  return Boolean(messages?.findLast((message) => JSON.stringify(message.content).includes(attempt)));
}

async function start() {
  const { watch: path } = await tell("SessionStart", undefined, {}, START_LIMIT);
  if (!path) return;
  bell = path;
  const changed = (_, name) => {
    if (!name || name === basename(bell)) ring();
  };
  watch(dirname(bell), { persistent: false }, changed).on("error", () => {});
  // The file beside the bell whose time says that this session is there.
  const live = join(dirname(bell), "live");
  setInterval(() => utimes(live, new Date(), new Date(), () => {}), SIGN_OF_LIFE).unref();
  ring();
}

// Mail waits and no turn is under way: the program says whether this session is to be woken, and with what words.
async function ring() {
  if (!bell || busy || !existsSync(bell)) return;
  rungAgain = ringing;
  if (ringing) return;
  ringing = true;
  try {
    const { status, err } = await run("Doorbell", {}, BELL_LIMIT);
    const prompt = err.trim();
    if (status === 2 && prompt) {
      globalThis.__clinePluginHost?.emitEvent?.("steer_message", { sessionId: session, prompt });
    }
  } finally {
    ringing = false;
  }
  if (rungAgain) ring();
}

// A hook of Cline's: nothing without a session, and no error ever.
function hook(act) {
  return async (context) => {
    try {
      return session ? await act(context) : undefined;
    } catch {
      return undefined;
    }
  };
}

export default {
  name: "session-bridge",
  manifest: { capabilities: ["hooks"] },

  setup(_api, context) {
    const id = context?.session?.sessionId;
    if (session || typeof id !== "string" || !id) return;
    session = id;
    started = start().catch(() => {});
  },

  hooks: {
    beforeRun: hook(async ({ snapshot }) => {
      const began = Date.now();
      const prompt = lastPrompt(snapshot.messages);
      notice(snapshot, prompt);
      if (!isSubagent(snapshot)) busy = true;
      let timer;
      await Promise.race([started, new Promise((done) => (timer = setTimeout(done, START_WAIT)))]);
      clearTimeout(timer);
      const limit = HOOK_LIMIT - (Date.now() - began);
      const said = await tell("beforeRun", snapshot, { prompt }, limit);
      if (said.stop) busy = false;
      return applied(said);
    }),

    beforeModel: hook(async ({ snapshot, request }) => {
      if (isSubagent(snapshot)) return undefined;
      for (const attempt of [...pending].filter((attempt) => holds(request.messages, attempt))) {
        if ((await tell("beforeModel", snapshot, { attempt }, HOOK_LIMIT / 2)).heard) pending.delete(attempt);
      }
      return undefined;
    }),

    beforeTool: hook(async ({ snapshot, toolCall, input }) => {
      if (!toolCall?.toolName?.startsWith(SERVER)) return undefined;
      const subagent = isSubagent(snapshot) ? { subagent: true } : {};
      return { input: { ...input, [ARGUMENT]: { session, nonce, ...subagent } } };
    }),

    afterTool: hook(async ({ snapshot, toolCall, result }) => {
      const ours = toolCall?.toolName?.startsWith(SERVER);
      const fields = { tool_name: toolCall?.toolName, tool_use_id: toolCall?.toolCallId };
      if (!ours) return applied(await tell("afterTool", snapshot, fields));
      fields.tool_response = JSON.stringify(result?.output ?? null);
      const { structuredContent, isError } = result?.output ?? {};
      // Cline shows its model a result's text and its structure, which say the same.
      const once = structuredContent && !isError ? { result: { ...result, output: structuredContent } } : {};
      return { ...once, ...applied(await tell("afterTool", snapshot, fields)) };
    }),

    afterRun: hook(async ({ snapshot, result }) => {
      await tell("afterRun", snapshot, { status: result?.status ?? snapshot?.status });
      if (isSubagent(snapshot)) return;
      busy = false;
      pending.clear();
      ring().catch(() => {});
    }),
  },
};
