// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's log in an operator's words: its own message says what happened, this says what to do. The long form is
// docs/operating-a-keeper.md.

export type LogEntry = {
  readonly time: string
  readonly level: 'debug' | 'info' | 'warning' | 'error'
  readonly event: string
  readonly message: string
  /** The rest of the line, as JSON. */
  readonly details: string
  /** What the operator does about it; null where there is nothing to say. */
  readonly advice: string | null
}

/** Lines that are read, the last ones of a file. */
const MOST_LINES = 20_000

const NOTHING = 'nothing: the keeper goes on'
const ENDPOINTS =
  'nothing at first; if it goes on, add an RPC endpoint, or check who runs the endpoint that the line names'
const LOST_KEY =
  'its folder lacks what this epoch needs: was it copied, or restored from an old backup? It takes part again from the next epoch on'

/** By the log's `event`: what to do. */
export const ADVICE: Readonly<Record<string, string>> = {
  'act without event': ENDPOINTS,
  'already encrypted': 'nothing: it stays silent for this round, because two updates under one key would reveal it',
  'already spoken':
    'nothing: it stays silent, because two answers would be a fault. Does a second process run on a copy of the folder?',
  'blocks not announced': 'nothing: it asks at its usual pace; if it goes on, check the endpoint in chain.heads',
  'complaint void': NOTHING,
  convicted: 'if it is a keeper of yours, stop it and look for what altered its folder, its program or its data',
  disputed: 'nothing: all members now post one scalar for each update',
  diverged: 'lower training.learningRate; the keeper sat the round out',
  dropped: 'look at the lines before it: the keeper was silent when its step was due, or was in the minority',
  'encryption key unknown': LOST_KEY,
  exposed:
    'nothing: its samples stay out. It trains only once the service has more members that represent nobody; with data.use: judge it never trains',
  failover: ENDPOINTS,
  incomplete: 'nothing: the round repeats; if it happens again and again, ask the other members',
  'job returned':
    'nothing at first: this keeper does the work itself; if it goes on, check the queue and its workers (`cohort doctor`). NOT_SEALED: somebody else writes to the queue, or a machine has another key',
  'key fault': 'nothing: the keeper complains, with a proof',
  'key unreadable': LOST_KEY,
  'key verdict': NOTHING,
  'key void': NOTHING,
  'left out': 'if this lasts, check disk, memory and version; meanwhile the keeper may attest and vote',
  'logs missing': ENDPOINTS,
  'logs paged': NOTHING,
  'low balance': 'send the operator some ether for gas',
  'manifest not witnessed': ENDPOINTS,
  'member not witnessed': ENDPOINTS,
  'members left out': 'nothing: see suspicion and convictions in `cohort keeper status`',
  'model refused': 'nothing: the keeper votes for no model that is worse on its own samples',
  'models differ': 'nothing: it combines the shares by itself; if it happens again and again, compare releases',
  'no key': LOST_KEY,
  'no key share': LOST_KEY,
  'no late ballot': NOTHING,
  'no room': 'give it samples (data), or let it leave: the service has no room for another member without samples',
  'no seat': 'the reason is in the line; `cohort keeper status` says what to do',
  'no update': 'was the folder copied? Run one process on one folder',
  'not announced': 'check network.dht.bootstrap and the firewall; rounds go on',
  'not pinned': 'look at the pinning service and its token; rounds go on',
  'not signed': 'look at the remote signer: is it up, and do its rules allow this?',
  'not witnessed': ENDPOINTS,
  'notes ignored':
    'nothing: members reported false sums; if one of them is yours, check its memory, disk and connection',
  'nothing final': 'the endpoints do not know the tag of chain.finality: use others, or another finality',
  outvoted: ENDPOINTS,
  'pads used up': NOTHING,
  'parameters not witnessed': ENDPOINTS,
  penalised: 'the line has the reason; look at the lines before it',
  'registration not witnessed': ENDPOINTS,
  reorganised: 'nothing; if it happens often, raise chain.confirmations',
  'round lost': 'nothing: the round repeats. A member posted a wrong share, or the mean is longer than the bound',
  'scalar refused': NOTHING,
  'share missing': NOTHING,
  'share refused': 'nothing: it was right to stay silent; report it with the logs of your endpoints',
  'slices disagree': 'nothing: it added up by itself; if it happens again and again, find out whose sums differ',
  'slow training': 'give it a faster machine or fewer samples: training must end in the window of its step',
  'step missed':
    'this is a strike: look at the lines around it, and check whether the machine or the endpoints were slow',
  struckout: 'it missed rounds in a row: resolve the cause, wait for the delay, then `cohort keeper unjail`',
  'sum of others':
    'nothing: too many members lack an update that its sender gave to only some, at the last moment; if it happens again and again, find out who sent it',
  'sum too small':
    'nothing: the round ends, and members with updates that could not be fetched or checked get a strike',
  'sum differs': 'nothing: the other members decide; if it happens again and again, compare releases',
  'takes part':
    'nothing, if it has enough memory; members that leave out layers, or have no samples, have to agree on who takes the room',
  'trainer failed': 'look at the program of training.command: the line says what it did; the keeper sat the round out',
  'update left out':
    'nothing: a member revealed something that is not an update; if there are many, check your connection',
  'update not summed':
    'this is a strike: others could not fetch or check what this keeper revealed; check network.announce and the firewall',
  'update too stale':
    'the training took too long, and its update is lost: use a faster machine, fewer samples or epochs (training), or propose a larger maxStaleness',
  'update withdrawn': 'nothing, though it is a strike; if it happens often, raise chain.confirmations',
  'weights clipped': 'if it happens round after round, propose a manifest with more headroom',
}

/** pino's numbers. */
function levelOf(level: unknown): LogEntry['level'] {
  const number = Number(level)
  if (number >= 50) return 'error'
  if (number >= 40) return 'warning'
  return number >= 30 ? 'info' : 'debug'
}

/** The lines of a keeper's log, the newest first, and how many are something else. */
export function readLog(text: string): { readonly entries: readonly LogEntry[]; readonly others: number } {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const entries: LogEntry[] = []
  let others = 0
  for (const line of lines.slice(-MOST_LINES).toReversed()) {
    let json: unknown
    try {
      json = JSON.parse(line)
    } catch {
      // Counted below.
    }
    if (json === null || typeof json !== 'object' || !('level' in json)) {
      others++
      continue
    }
    const { level, time, event, msg, ...details } = json as Record<string, unknown>
    const name = typeof event === 'string' ? event : ''
    entries.push({
      ...{ time: String(time ?? ''), level: levelOf(level), event: name, message: String(msg ?? '') },
      details: Object.keys(details).length === 0 ? '' : JSON.stringify(details),
      advice: Object.hasOwn(ADVICE, name) ? ADVICE[name]! : null,
    })
  }
  return { entries, others: others + Math.max(0, lines.length - MOST_LINES) }
}
