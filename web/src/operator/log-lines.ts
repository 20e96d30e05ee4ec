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
const ENDPOINTS = 'nothing at first; when it stays, add an RPC endpoint or look at who runs the one it names'
const LOST_KEY =
  'its folder lacks what this epoch needs: was it copied, or restored from an old backup? It takes part again from the next epoch on'

/** By the log's `event`: what to do. */
export const ADVICE: Readonly<Record<string, string>> = {
  'act without event': ENDPOINTS,
  'already encrypted': 'nothing: it stays silent for this round, because two updates under one key would reveal it',
  'already spoken':
    'nothing: it stays silent, because two answers would be a fault. Does a second process run on a copy of the folder?',
  'blocks not announced': 'nothing: it asks at its usual pace; look at the endpoint in chain.heads when it stays',
  'complaint void': NOTHING,
  convicted: 'if it is a keeper of yours, stop it and look for what altered its folder, its program or its data',
  disputed: 'nothing: all members now post one number for each update',
  diverged: 'lower training.learningRate; the keeper sat the round out',
  dropped: 'look at the lines before it: it was silent when it was due, or in the minority',
  'encryption key unknown': LOST_KEY,
  exposed:
    'nothing: its samples stay out. To train here, the service needs more members that represent nobody; data.use: judge says it once and for all',
  failover: ENDPOINTS,
  incomplete: 'nothing: the round repeats; when it happens again and again, ask the other members',
  'job returned':
    'nothing at first: this keeper does the work itself; when it stays, look at the queue and its workers (`cohort doctor`). NOT_SEALED: somebody else writes to the queue, or a machine has another key',
  'key fault': 'nothing: the keeper complains, with a proof',
  'key unreadable': LOST_KEY,
  'key verdict': NOTHING,
  'key void': NOTHING,
  'left out': 'if it stays so, look at disk, memory and version; it may attest and vote in the meantime',
  'logs missing': ENDPOINTS,
  'logs paged': NOTHING,
  'low balance': 'send the operator some ether for gas',
  'manifest not witnessed': ENDPOINTS,
  'member not witnessed': ENDPOINTS,
  'members left out': 'nothing: see suspicion and convictions in `cohort keeper status`',
  'model refused': 'nothing: the keeper votes for no model that is worse on its own samples',
  'models differ': 'nothing: it combines by itself; when it happens again and again, compare versions',
  'no key': LOST_KEY,
  'no key share': LOST_KEY,
  'no late ballot': NOTHING,
  'no room': 'give it samples (data), or have it leave: the manifest allows no more members without',
  'no seat': 'the reason is in the line; `cohort keeper status` says what to do',
  'no update': 'was the folder copied? Run one process on one folder',
  'not announced': 'check network.dht.bootstrap and the firewall; rounds go on',
  'not pinned': 'look at the pinning service and its token; rounds go on',
  'not signed': 'look at the remote signer: is it up, and do its rules allow this?',
  'not witnessed': ENDPOINTS,
  'notes ignored':
    'nothing: members said what was not so about sums; if one is yours, look at its memory, disk and connection',
  'nothing final': 'the endpoints do not know the tag of chain.finality: use others, or another finality',
  outvoted: ENDPOINTS,
  'pads used up': NOTHING,
  'parameters not witnessed': ENDPOINTS,
  penalised: 'the line has the reason; look at the lines before it',
  'registration not witnessed': ENDPOINTS,
  reorganised: 'nothing; often: raise chain.confirmations',
  'round lost': 'nothing: the round repeats. A member posted a wrong share, or the mean is longer than the bound',
  'scalar refused': NOTHING,
  'share missing': NOTHING,
  'share refused': 'nothing: it was right to stay silent; report it with the logs of your endpoints',
  'slices disagree': 'nothing: it added up by itself; when it happens again and again, look whose sums differ',
  'slow training': 'give it a faster machine or fewer samples: training must end in the window of its step',
  'step missed': 'a strike: look at the lines around it, and whether the machine or the endpoints were slow',
  struckout: 'it missed rounds in a row: resolve the cause, wait for the delay, then `cohort keeper unjail`',
  'sum of others':
    'nothing: too many members lack an update that its sender gave to some at the last moment; when it happens again and again, look who sent it',
  'sum too small': 'nothing: the round ends at the cost of those whose updates could not be fetched or checked',
  'sum differs': 'nothing: another quorum decides; when it happens again and again, compare versions',
  'takes part':
    'nothing, if it has the memory; ask members that leave out layers, or have no samples, to leave room for each other',
  'trainer failed': 'look at the program of training.command: the line says what it did; the keeper sat the round out',
  'update left out': 'nothing: a member revealed something that is not an update; when there are many, your connection',
  'update not summed':
    'others could neither fetch nor check what this keeper revealed, which is a strike: look at network.announce and the firewall',
  'update too stale':
    'the service goes on without what this keeper trained so long: a faster machine, fewer samples or epochs (training), or a larger maxStaleness of the service',
  'update withdrawn': 'nothing, but a strike; often: raise chain.confirmations',
  'weights clipped': 'when it happens round after round, propose a manifest with more headroom',
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
