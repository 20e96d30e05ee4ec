// SPDX-License-Identifier: GPL-3.0-or-later
// What a model said about the spends of an account, what it was asked, and whether that still serves.
import type { Connection } from '../chain/connection.ts'
import { Fact } from '../ui/fact.tsx'
import { time } from '../ui/format.ts'
import { Hex } from '../ui/inert.tsx'
import type { AccountState } from './accounts.ts'
import type { Verdict } from './events.ts'
import { featuresInWords, readOutput } from './features.ts'

/** Verdicts that are shown, the newest. */
const MOST_VERDICTS = 20

export function Verdicts({ connection, state }: { readonly connection: Connection; readonly state: AccountState }) {
  const { verdicts } = state.told
  return (
    <section>
      <h2>Verdicts</h2>
      {verdicts.length === 0 && <p>No model has judged a transaction of this account.</p>}
      {verdicts
        .slice(-MOST_VERDICTS)
        .toReversed()
        .map((verdict) => (
          <VerdictView
            key={verdict.transactionHash}
            verdict={verdict}
            margins={state.policy?.margins ?? true}
            now={connection.head.value.timestamp}
          />
        ))}
      {verdicts.length > MOST_VERDICTS && <p>… and {verdicts.length - MOST_VERDICTS} before them.</p>}
    </section>
  )
}

function VerdictView({
  verdict,
  margins,
  now,
}: {
  readonly verdict: Verdict
  readonly margins: boolean
  readonly now: number
}) {
  const { spendHash, modelId, version, features, output, validUntil, transactionHash, over } = verdict
  const words = featuresInWords(features)
  const { label, margin } = readOutput(output, margins)
  const standing = over ?? (validUntil < now ? 'expired' : `serves until ${time(validUntil)} UTC`)
  return (
    <article class="proposal" data-verdict={over === null && validUntil >= now ? 'serves' : 'over'}>
      <h3>
        Transaction <Hex value={spendHash} />: {standing}
      </h3>
      <p>
        Version {version} of model {String(modelId)} said label {String(label)}
        {margin !== null && `, by a margin of ${margin}`}. The proof is in <Hex value={transactionHash} />.
      </p>
      {words === null ? (
        <p>It was asked about bytes that this page cannot read.</p>
      ) : (
        <details>
          <summary>What it was asked</summary>
          <dl class="facts">
            {words.map(([name, value]) => (
              <Fact key={name} name={name}>
                {value}
              </Fact>
            ))}
          </dl>
        </details>
      )}
    </article>
  )
}
