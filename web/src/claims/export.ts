// SPDX-License-Identifier: GPL-3.0-or-later
// Claims as files: what the table shows, and where each figure comes from.
import { formatEther } from 'ethers'
import { type ClaimRow, stateText } from './claims.ts'

/** Names of the columns, and what a claim has in each. */
function fieldsOf(row: ClaimRow, now: number): Readonly<Record<string, string | number>> {
  const { told } = row
  return {
    ...{ claim: row.claimId, service: row.service, version: row.version, kind: row.kind, statement: row.statementId },
    ...{ samples: row.count, figure: row.figure, guarantee: row.guarantee, unit: unitOf(row) },
    ...{ batchChosenBy: row.source, claimant: row.claimant, auditor: row.auditor ?? '', pool: row.poolId ?? '' },
    ...{ bondEther: formatEther(row.bond), expires: iso(row.expiresAt), state: stateText(row, now) },
    ...{ counts: String(row.counts), badge: String(row.badge), challenges: told?.challenges.length ?? 0 },
    ...{ refutedBy: told?.fell?.challenger ?? '', refutedIn: told?.fell?.transactionHash ?? '' },
    ...{ publishedIn: told?.transactionHash ?? '', circuit: row.circuitId, batch: String(row.batch) },
  }
}

const unitOf = ({ kind }: ClaimRow) => (kind === 'accuracy' ? 'right answers' : 'permille')
/** A claim of a chain that lies may end in no year that dates have. */
const iso = (seconds: number) => (seconds < 8.64e12 ? new Date(seconds * 1000).toISOString() : String(seconds))

/** RFC 4180, with the names of the columns first. @param now Unix seconds of the newest block */
export function toCsv(rows: readonly ClaimRow[], now: number): string {
  const lines = rows.map((row) => fieldsOf(row, now))
  const names = Object.keys(lines[0] ?? {})
  const quoted = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`
  return [names, ...lines.map((line) => names.map((name) => line[name]!))]
    .map((cells) => `${cells.map(quoted).join(',')}\r\n`)
    .join('')
}

/** The same with the challenges and the story of each claim. @param where chain and registry that the claims are from */
export function toJson(
  rows: readonly ClaimRow[],
  now: number,
  where: { readonly chainId: number; readonly registry: string; readonly block: number },
): string {
  const claims = rows.map((row) => ({
    ...fieldsOf(row, now),
    challenges: (row.told?.challenges ?? []).map((each) => ({ ...each, challengeId: Number(each.challengeId) })),
    history: row.told?.happened ?? [],
  }))
  return `${JSON.stringify({ ...where, at: iso(now), claims }, null, 2)}\n`
}

/** Hands a text to the visitor as a file. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const anchor = document.createElement('a')
  anchor.href = url
  anchor.download = name
  anchor.click()
  URL.revokeObjectURL(url)
}
