// Connects opencode's sessions to session-bridge. Written by `session-bridge init`, removed by `session-bridge uninstall`.
// It decides nothing: it runs the bridge's hook at events of a session and puts the answer where it belongs. Whatever
// fails here is silence: opencode goes on as if this file were not there.
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { statSync, utimes, watch } from "node:fs"
import { dirname, join } from "node:path"
import { isMainThread } from "node:worker_threads"

const HOOK = "{{hook}}"
// Time limits in milliseconds.
const LIMITS = "{{limits}}"
const OUR_TOOLS = "session-bridge_"
// A nudge is a short prompt; of others a piece is enough to tell.
const PROMPT_SHOWN = 400
// How often a session that says nothing is marked as being there, in milliseconds.
const SIGN_OF_LIFE = 240_000
// How soon, in milliseconds, the bell is looked at once more after a change.
const LOOK_AGAIN = 250
// A doorbell that was heard so long, in milliseconds, has not said all: what waits may be due later.
const HEARD_OUT = 20_000

// One for the process. Of several copies of this file the one loaded last serves a folder.
const shared = (globalThis[Symbol.for("session-bridge.opencode")] ??= {
  nonce: randomBytes(8).toString("hex"),
  serving: new Map(),
})

/** Runs the hook; null if it could not be run, crashed or took too long. */
function hook(event, payload) {
  return new Promise((resolve) => {
    try {
      const child = spawn(HOOK, ["opencode", event], { stdio: ["pipe", "pipe", "pipe"], windowsHide: true })
      child.on("error", () => done(null))
      let stdout = ""
      let stderr = ""
      const done = (answer) => {
        clearTimeout(timer)
        resolve(answer)
      }
      const timer = setTimeout(() => {
        child.kill("SIGKILL")
        done(null)
      }, LIMITS[event])
      child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text))
      child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text))
      child.stdin.on("error", () => {})
      child.on("close", (status) => done({ status, stdout, stderr }))
      child.stdin.end(JSON.stringify({ hook_event_name: event, opencode_plugin: 1, nonce: shared.nonce, ...payload }))
    } catch {
      resolve(null)
    }
  })
}

/** What the hook has to say to the host, or nothing. */
function answer(ran) {
  try {
    return (ran?.status === 0 && ran.stdout && JSON.parse(ran.stdout).hookSpecificOutput) || {}
  } catch {
    return {}
  }
}

class Session {
  constructor(host, info) {
    this.host = host
    this.id = info.id
    this.cwd = info.directory ?? host.directory
    this.source = "resume"
    // The events of a session are told one after the other.
    this.tail = Promise.resolve()
    this.busy = false
    this.forget()
  }

  /** A new turn, or none. */
  forget() {
    this.turn = undefined // the first prompt since the last end
    this.prompt = undefined // the last one
    this.part = undefined // what we put beside it, until the host has stored it
    this.cut = false
    this.step = undefined // the newest message of the model
    this.said = undefined // its words
    this.answers = new Map() // by message of the model: the prompt that it answers
    this.calls = new Map() // by tool call: the message of the model that makes it
  }

  tell(event, payload) {
    const all = { session_id: this.id, cwd: this.cwd, ...payload }
    const told = this.tail.then(() => hook(event, all))
    this.tail = told
    return told.then(answer)
  }

  /** What was to stand beside a prompt and is in no conversation: nothing that follows proves it. */
  async disown() {
    if (!this.part) return
    this.part = undefined
    await this.tell("Interrupt", { turn_id: this.turn })
  }

  /** Tells of the session before anything else is told of it. */
  async start() {
    this.started ??= this.tell("SessionStart", { source: this.source }).then((said) => this.attend(said.watchPaths?.[0]))
    await this.started
  }

  /** Watches the bell. `opencode run` ends with its turn, so nobody can wake it. */
  attend(bell) {
    if (!bell || this.watcher || runsOnce()) return
    try {
      this.bell = bell
      this.watcher = watch(dirname(bell), { persistent: false }, () => this.look())
      this.watcher.on("error", () => this.leave())
      this.signs = setInterval(() => {
        const now = new Date()
        if (this.host.serves()) utimes(join(dirname(bell), "live"), now, now, () => {})
      }, SIGN_OF_LIFE)
      this.signs.unref?.()
      // A turn is about to begin, which brings what waits now.
      this.heard = standing(bell)
    } catch {
      this.leave()
    }
  }

  /** Something changed beside the bell: which file, the host's runtime does not say for sure, nor each change. */
  look() {
    const changed = () => {
      const mark = standing(this.bell)
      if (mark && mark !== this.heard) this.ring()
    }
    changed()
    this.later ??= setTimeout(() => {
      this.later = undefined
      changed()
    }, LOOK_AGAIN)
    this.later.unref?.()
  }

  leave() {
    clearInterval(this.signs)
    clearTimeout(this.later)
    try {
      this.watcher?.close()
    } catch {}
    this.watcher = undefined
  }

  /** The bell changed, or a turn ended: the hook says whether it is time for a turn. */
  async ring() {
    const mark = this.watcher && !this.busy && this.host.serves() && standing(this.bell)
    if (!mark) return
    this.heard = mark
    if (this.ringing) {
      this.again = true
      return
    }
    this.ringing = true
    this.again = false
    const began = Date.now()
    try {
      // What was told before may still change what is due.
      await this.tail
      const ran = await hook("Doorbell", { session_id: this.id, cwd: this.cwd })
      const nudge = ran?.status === 2 ? ran.stderr.trim() : ""
      // In a turn the hooks bring what waits.
      if (nudge && !this.busy) await this.wake(nudge)
    } catch {
    } finally {
      this.ringing = false
    }
    if (this.again || Date.now() - began > HEARD_OUT) this.ring()
  }

  /** Starts a turn, with the agent and the model of the last one. */
  wake(text) {
    const body = { ...this.chosen, parts: [{ type: "text", text }] }
    return this.host.client.session.promptAsync({ path: { id: this.id }, body })
  }
}

/** Names a bell that stands, each time anew when it rings; else nothing. */
function standing(bell) {
  try {
    const { ino, mtimeMs } = statSync(bell)
    return `${ino} ${mtimeMs}`
  } catch {
    return undefined
  }
}

/** Whether this process ends with its first turn. A window's sessions live in a worker. */
function runsOnce() {
  return isMainThread && process.argv.slice(2).includes("run")
}

class Host {
  constructor({ client, directory }) {
    this.client = client
    this.directory = directory
    this.sessions = new Map()
    shared.serving.set(directory, this)
  }

  serves() {
    return shared.serving.get(this.directory) === this
  }

  /** The session of an id; null for a subagent's, which owns no inbox, and for one that nobody knows. */
  async session(id) {
    const known = this.sessions.get(id)
    if (known !== undefined) return known
    const { data } = await this.client.session.get({ path: { id } })
    return data ? this.remember(data) : null
  }

  remember(info) {
    if (!this.sessions.has(info.id)) this.sessions.set(info.id, info.parentID ? null : new Session(this, info))
    return this.sessions.get(info.id)
  }

  async prompted({ sessionID }, { message, parts }) {
    const session = await this.session(sessionID)
    if (!session) return
    await session.start()
    await session.disown()
    // In a turn the model is given the prompt with its next step; the calls of this one know nothing of it.
    const joins = session.busy && session.turn !== undefined
    if (!joins) session.forget()
    session.turn ??= message.id
    session.prompt = message.id
    const texts = parts.filter((part) => part.type === "text")
    const { additionalContext: text } = await session.tell("UserPromptSubmit", {
      turn_id: session.turn,
      step_id: session.step,
      prompt: texts.map((part) => part.text).join("\n").slice(0, PROMPT_SHOWN),
      by_host: texts.length > 0 && texts.every((part) => part.synthetic),
    })
    if (!text) return
    // Parts are in the order of their ids: this one is the next after the last.
    session.part = `${parts.at(-1)?.id ?? message.id.replace("msg_", "prt_")}0`
    parts.push({ id: session.part, sessionID, messageID: message.id, type: "text", text, synthetic: true })
  }

  async calls({ tool, sessionID }, output) {
    if (!tool.startsWith(OUR_TOOLS)) return
    // Whatever the model wrote there goes, whoever it is.
    const claim = (output.args._session_bridge = { session: sessionID, nonce: "" })
    const session = await this.session(sessionID)
    if (session === null) claim.subagent = true
    if (!session) return
    await session.start()
    claim.nonce = shared.nonce
  }

  async called({ tool, sessionID, callID }, output) {
    const session = await this.session(sessionID)
    if (!session) return
    await session.start()
    await session.disown()
    const step = session.calls.get(callID) ?? session.step
    // Ids ascend: a call of a response to what came before this turn tells nothing of the turn.
    if (session.answers.get(step) < session.turn) return
    const ours = tool.startsWith(OUR_TOOLS)
    const { additionalContext: text } = await session.tell("PostToolUse", {
      turn_id: session.turn,
      tool_use_id: callID,
      step_id: step,
      tool_name: tool,
      tool_response: ours ? output.content : undefined,
    })
    if (!text) return
    if (Array.isArray(output.content)) output.content.push({ type: "text", text })
    else if (typeof output.output === "string") output.output += `\n\n${text}`
  }

  /** The host waits for nothing here. */
  async happened({ type, properties }) {
    const { info, part, error } = properties
    if (type === "session.created") {
      const session = this.remember(info)
      if (session) session.source = "startup"
      return
    }
    const session = this.sessions.get(properties.sessionID ?? info?.sessionID ?? part?.sessionID)
    if (!session) return
    if (type === "message.updated" && info.role === "user") {
      session.chosen = { agent: info.agent, model: info.model }
    } else if (type === "message.updated" && !info.summary) {
      // Ids ascend; an older message may be updated late.
      if (session.step === undefined || info.id > session.step) {
        session.step = info.id
        session.said = undefined
      }
      session.answers.set(info.id, info.parentID)
      if (info.error) session.cut = true
    } else if (type === "message.part.updated") {
      if (part.id === session.part) session.part = undefined
      if (part.type === "tool") session.calls.set(part.callID, part.messageID)
      if (part.type === "text" && part.text && part.messageID === session.step) session.said = part.text
    } else if (type === "session.error" && error) {
      session.cut = true
    } else if (type === "session.status") {
      session.busy = properties.status.type !== "idle"
    } else if (type === "session.idle") {
      this.ended(session)
    } else if (type === "session.compacted") {
      if (session.started) session.tell("SessionStart", { source: "compact" })
    } else if (type === "session.deleted") {
      this.sessions.delete(session.id)
      session.leave()
      if (session.started) session.tell("SessionEnd", { reason: "deleted" })
    }
  }

  /** A turn is over, which may be said twice. Only words that end it and answer its last prompt prove something. */
  ended(session) {
    const { turn, said } = session
    session.busy = false
    if (turn !== undefined) {
      const last = session.answers.get(session.step) === session.prompt
      const answered = said !== undefined && last && !session.cut && !session.part
      session.forget()
      if (answered) session.tell("Stop", { turn_id: turn, last_assistant_message: said })
      else session.tell("Interrupt", { turn_id: turn })
    }
    session.tail.then(() => session.ring())
  }

  async close() {
    const open = [...this.sessions.values()].filter((session) => session?.started)
    open.forEach((session) => session.leave())
    if (!this.serves()) return
    shared.serving.delete(this.directory)
    await Promise.all(open.map((session) => session.tell("SessionEnd", { reason: "exit" })))
  }
}

/** A hook of the host's that may neither fail nor act for a copy that no longer serves. */
const quiet = (host, act) => async (...args) => {
  try {
    if (host.serves()) await act(...args)
  } catch {}
}

export default {
  id: "session-bridge",
  server: async (context) => {
    try {
      const host = new Host(context)
      return {
        "chat.message": quiet(host, (input, output) => host.prompted(input, output)),
        "tool.execute.before": quiet(host, (input, output) => host.calls(input, output)),
        "tool.execute.after": quiet(host, (input, output) => host.called(input, output)),
        event: quiet(host, ({ event }) => host.happened(event)),
        dispose: async () => host.close().catch(() => {}),
      }
    } catch {
      return {}
    }
  },
}
