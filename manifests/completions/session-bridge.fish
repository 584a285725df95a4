# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_session_bridge_global_optspecs
    string join \n json h/help V/version
end

function __fish_session_bridge_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_session_bridge_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_session_bridge_using_subcommand
    set -l cmd (__fish_session_bridge_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c session-bridge -n "__fish_session_bridge_needs_command" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -s V -l version -d 'Print version'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "init" -d 'Put the bridge into the agent CLIs of this machine'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "uninstall" -d 'Take the bridge out of agent CLIs'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "doctor" -d 'Check that the bridge works: every entry, a message through each installed hook, each MCP server, versions, reviews, and the store'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "list-providers" -d 'List the supported agent CLIs, and which of them are here'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "send-message" -d 'Send a message to a session'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "broadcast" -d 'Send a message to every live session of a room'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "ask" -d 'Ask a session a question and wait for the answer'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "reply" -d 'Answer a message'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "inbox" -d 'List a session\'s messages'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "read" -d 'Show one message with its text'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "tail-inbox" -d 'Follow messages as they come, until Ctrl-C'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "list-sessions" -d 'List the sessions that can be reached'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "receipts" -d 'Show what happened to a message, with the evidence for each step'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "cancel" -d 'Withdraw a message that has not been put before any session yet'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "decline" -d 'Decline a message for the session that got it; its sender is told'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "off" -d 'Pause the bridge: everything, one provider, or one session'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "on" -d 'End a pause that `session-bridge off` began with the same options'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "mute" -d 'Let a peer\'s mail wait until its reader has time'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "unmute" -d 'End what `session-bridge mute` began with the same options. What waited may wake its reader'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "block" -d 'Refuse a peer\'s mail'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "unblock" -d 'End what `session-bridge block` began with the same options'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "inspect" -d 'Show everything that is known about a message or a session'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "whoami" -d 'Show the session that this shell runs in, or that it runs in none'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "watch" -d 'Print a line each time mail waits for this idle session, for an agent that watches what a command prints'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "gc" -d 'Clear away read mail that is old, and sessions that ended long ago'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "plugin" -d 'Let an agent CLI\'s own plugin manager install the bridge'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "demo" -d 'Show two sessions talking, on a machine without any agent CLI'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "mcp" -d 'Serves the bridge\'s tools to an agent CLI, over standard input and output'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "version" -d 'Show the version of this program'
complete -c session-bridge -n "__fish_session_bridge_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l provider -d 'Install into this one; may be given several times. See `list-providers`' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l label -d 'The label of new sessions: the first live one in a room answers to it, further ones to LABEL-2, LABEL-3, …' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l role -d 'A role that new sessions answer to; may be given several times' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l room -d 'The room that new sessions join' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l scope -d 'Whose configuration: yours, or that of the project in the current folder' -r -f -a "user\t'Your own configuration, for every folder'
project\t'The configuration of the project in the current folder'"
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l all -d 'Install into every supported agent CLI that is on this machine'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -s y -l yes -d 'Do not ask whether to install. Consents have flags of their own'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l dry-run -d 'Show what would be changed, and change nothing: a diff, or with --json RFC 6902 operations per file'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l allow-tools -d 'Consent: let the agent CLI run the bridge\'s tools without asking (Claude Code: `permissions.allow`)'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l trust-codex-hooks -d 'Consent: note in Codex that you reviewed the bridge\'s hooks. Shows each command'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand uninstall" -l provider -d 'Take it out of this one; may be given several times' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand uninstall" -l all -d 'Take it out of every agent CLI'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand uninstall" -l dry-run -d 'Show what would be changed, and change nothing'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand uninstall" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand uninstall" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand doctor" -l provider -d 'Look at this one only; may be given several times' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand doctor" -l seconds -d 'How long the self-test takes' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand doctor" -l seed -d 'What decides what is random in the self-test, as an earlier one printed it. Where a kill falls is also a matter of the machine' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand doctor" -l fix -d 'Repair what can be repaired: entries that are missing or changed, the links in `bin/`, and a damaged store'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand doctor" -l selftest -d 'Try for ten seconds to break the bridge on this disk: kill programs, compare receipts, measure. In a temporary home; nothing of yours is read or changed'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand doctor" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand list-providers" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand list-providers" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l body-file -d 'Read the text from a file' -r -F
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l as -d 'Send as this session: answers go to its inbox. Readers are told all the same that it came from the command line' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l room -d 'The room; by default that of the sending session, of the session that this shell runs in, or `default`' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l subject -d 'A short title, shown in lists' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l urgency -d 'How pressing it is' -r -f -a "low\t'Whenever it fits'
normal\t'The usual'
high\t'First among what waits'"
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l expires -d 'How long it may wait to be read, such as 90s, 5m, 1h or 2d; to everyone 1h, unless this says otherwise' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l kind -d 'What it is for: note, question, answer, result, status, lock, unlock, handoff, or a word of your own' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l newest -d 'Where several sessions answer to the address, send to the one that was seen last'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand send-message" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l body-file -d 'Read the text from a file' -r -F
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l as -d 'Send as this session: answers go to its inbox. Readers are told all the same that it came from the command line' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l room -d 'The room; by default that of the sending session, of the session that this shell runs in, or `default`' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l subject -d 'A short title, shown in lists' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l urgency -d 'How pressing it is' -r -f -a "low\t'Whenever it fits'
normal\t'The usual'
high\t'First among what waits'"
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l expires -d 'How long it may wait to be read, such as 90s, 5m, 1h or 2d; to everyone 1h, unless this says otherwise' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l kind -d 'What it is for: note, status, result, or a word of your own' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand broadcast" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l body-file -d 'Read the text from a file' -r -F
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l as -d 'Send as this session: answers go to its inbox. Readers are told all the same that it came from the command line' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l room -d 'The room; by default that of the sending session, of the session that this shell runs in, or `default`' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l subject -d 'A short title, shown in lists' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l urgency -d 'How pressing it is' -r -f -a "low\t'Whenever it fits'
normal\t'The usual'
high\t'First among what waits'"
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l expires -d 'How long it may wait to be read, such as 90s, 5m, 1h or 2d; to everyone 1h, unless this says otherwise' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l timeout -d 'How long to wait for the answer. Default: 90s, or `limits.ask_timeout_s` of settings.json' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l resume -d 'Wait again for the answer to this question instead of asking one' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l newest -d 'Where several sessions answer to the address, ask the one that was seen last'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand ask" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand reply" -l body-file -d 'Read the text from a file' -r -F
complete -c session-bridge -n "__fish_session_bridge_using_subcommand reply" -l as -d 'Send as this session: answers go to its inbox. Readers are told all the same that it came from the command line' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand reply" -l room -d 'The room; by default that of the sending session, of the session that this shell runs in, or `default`' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand reply" -l subject -d 'A short title, shown in lists' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand reply" -l kind -d 'What it is for' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand reply" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand reply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inbox" -l room -d 'Look for the session in this room only' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inbox" -l limit -d 'Show at most so many, the newest' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inbox" -l all -d 'Show what was read as well'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inbox" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand read" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand read" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand tail-inbox" -l room -d 'The room' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand tail-inbox" -l last -d 'Begin with so many earlier messages' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand tail-inbox" -l count -d 'End after so many messages' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand tail-inbox" -l all -d 'Follow all messages, also inside of a session'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand tail-inbox" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand tail-inbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand list-sessions" -l room -d 'Only those of this room; by default those of all rooms' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand list-sessions" -l provider -d 'Only those of this provider' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand list-sessions" -l ended -d 'Show sessions that have ended as well'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand list-sessions" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand list-sessions" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand receipts" -l timeout -d 'How long to follow; without it, to the end' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand receipts" -l follow -d 'Go on, and show each new step as it comes'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand receipts" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand receipts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand cancel" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand cancel" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand decline" -l as -d 'For this session; needed where the message has several recipients and this shell runs in none of them' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand decline" -l reason -d 'Why, in a line; the sender reads it' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand decline" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand decline" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand off" -l provider -d 'The sessions of this provider; may be given several times' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand off" -l session -d 'This session: its label, role, id, `cwd:` or `repo:` address; may be given several times' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand off" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand off" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand on" -l provider -d 'The sessions of this provider; may be given several times' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand on" -l session -d 'This session: its label, role, id, `cwd:` or `repo:` address; may be given several times' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand on" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand on" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand mute" -l for -d 'For this session alone; by default for all of yours' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand mute" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand mute" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand unmute" -l for -d 'For this session alone; by default for all of yours' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand unmute" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand unmute" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand block" -l for -d 'For this session alone; by default for all of yours' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand block" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand block" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand unblock" -l for -d 'For this session alone; by default for all of yours' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand unblock" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand unblock" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inspect" -l room -d 'Look for a session in this room only' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inspect" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand whoami" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand whoami" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand watch" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand gc" -l older-than -d 'What changed last so long ago goes: 30d, 12h, or never. Default: `limits.retention_days` of settings.json' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand gc" -l dry-run -d 'Say what would go, and change nothing'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand gc" -l remove-set-aside -d 'Also remove damaged stores that were set aside, once they were salvaged as long ago'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand gc" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand gc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and not __fish_seen_subcommand_from emit-manifest link help" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and not __fish_seen_subcommand_from emit-manifest link help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and not __fish_seen_subcommand_from emit-manifest link help" -f -a "emit-manifest" -d 'Write the marketplace folder that Claude Code and Codex install the plugin from'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and not __fish_seen_subcommand_from emit-manifest link help" -f -a "link" -d 'Make the paths that the plugin names lead to this program'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and not __fish_seen_subcommand_from emit-manifest link help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from emit-manifest" -l dir -d 'Where to; `plugin/` in the bridge\'s home if this is not given' -r -F
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from emit-manifest" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from emit-manifest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from link" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from link" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from help" -f -a "emit-manifest" -d 'Write the marketplace folder that Claude Code and Codex install the plugin from'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from help" -f -a "link" -d 'Make the paths that the plugin names lead to this program'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand plugin; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand demo" -l keep -d 'Keep the temporary home and say where it is'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand demo" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand mcp" -l client -d 'The provider to serve, for hosts whose own name in the handshake is not known' -r
complete -c session-bridge -n "__fish_session_bridge_using_subcommand mcp" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand mcp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand completions" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand version" -l json -d 'Print one JSON document instead of text for people'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand version" -s h -l help -d 'Print help'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "init" -d 'Put the bridge into the agent CLIs of this machine'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "uninstall" -d 'Take the bridge out of agent CLIs'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "doctor" -d 'Check that the bridge works: every entry, a message through each installed hook, each MCP server, versions, reviews, and the store'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "list-providers" -d 'List the supported agent CLIs, and which of them are here'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "send-message" -d 'Send a message to a session'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "broadcast" -d 'Send a message to every live session of a room'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "ask" -d 'Ask a session a question and wait for the answer'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "reply" -d 'Answer a message'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "inbox" -d 'List a session\'s messages'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "read" -d 'Show one message with its text'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "tail-inbox" -d 'Follow messages as they come, until Ctrl-C'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "list-sessions" -d 'List the sessions that can be reached'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "receipts" -d 'Show what happened to a message, with the evidence for each step'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "cancel" -d 'Withdraw a message that has not been put before any session yet'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "decline" -d 'Decline a message for the session that got it; its sender is told'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "off" -d 'Pause the bridge: everything, one provider, or one session'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "on" -d 'End a pause that `session-bridge off` began with the same options'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "mute" -d 'Let a peer\'s mail wait until its reader has time'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "unmute" -d 'End what `session-bridge mute` began with the same options. What waited may wake its reader'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "block" -d 'Refuse a peer\'s mail'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "unblock" -d 'End what `session-bridge block` began with the same options'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "inspect" -d 'Show everything that is known about a message or a session'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "whoami" -d 'Show the session that this shell runs in, or that it runs in none'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "watch" -d 'Print a line each time mail waits for this idle session, for an agent that watches what a command prints'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "gc" -d 'Clear away read mail that is old, and sessions that ended long ago'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "plugin" -d 'Let an agent CLI\'s own plugin manager install the bridge'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "demo" -d 'Show two sessions talking, on a machine without any agent CLI'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "mcp" -d 'Serves the bridge\'s tools to an agent CLI, over standard input and output'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "completions" -d 'Print the completion script for a shell'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "version" -d 'Show the version of this program'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and not __fish_seen_subcommand_from init uninstall doctor list-providers send-message broadcast ask reply inbox read tail-inbox list-sessions receipts cancel decline off on mute unmute block unblock inspect whoami watch gc plugin demo mcp completions version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and __fish_seen_subcommand_from plugin" -f -a "emit-manifest" -d 'Write the marketplace folder that Claude Code and Codex install the plugin from'
complete -c session-bridge -n "__fish_session_bridge_using_subcommand help; and __fish_seen_subcommand_from plugin" -f -a "link" -d 'Make the paths that the plugin names lead to this program'
