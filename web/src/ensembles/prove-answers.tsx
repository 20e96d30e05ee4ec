// SPDX-License-Identifier: GPL-3.0-or-later
// Members' answers to a question whose input this tab knows, proven here one by one.
import { useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { percent } from '../ui/format.ts'
import type { Ensemble } from './ensembles.ts'
import type { AskedQuestion } from './events.ts'
import { type KnownInput, knownInput } from './known-inputs.ts'
import { answerFor, provableModels } from './member-proof.ts'
import { statusOf } from './opinion.ts'

type Asked = { readonly connection: Connection; readonly ensemble: Ensemble; readonly question: AskedQuestion }

export function ProveAnswers(asked: Asked & { readonly submitter: string }) {
  const { connection, question } = asked
  const known = knownInput(question.inputCommitment)
  if (known === null || statusOf(question, connection.head.value.timestamp) !== 'open') return null
  return <Members {...asked} known={known} />
}

function Members({
  connection,
  ensemble,
  question,
  submitter,
  known,
}: Asked & { readonly submitter: string; readonly known: KnownInput }) {
  const [progress, setProgress] = useState('')
  const [stop, setStop] = useState<AbortController | null>(null)
  const models = useLoaded(() => provableModels(connection), [])
  const open = ensemble.members.flatMap(({ id, decoding }, member) =>
    decoding === 'ensemble' || question.answers.some((one) => one.member === member) ? [] : [{ id, member }],
  )
  return (
    <section aria-label="Prove the answers">
      <h2>Prove the answers</h2>
      <p>
        This tab knows the input. A proof shows the member's answer and the commitment, not the input; whoever hands it
        in is paid.
      </p>
      <Show loaded={models} what="the models of the hub">
        {(byId) =>
          open.map(({ id, member }) => {
            const hubModel = byId.get(id)
            if (hubModel === undefined)
              return <p key={`${member}`}>This copy has no circuit for member {member}: others may prove it.</p>
            const prove = async (): Promise<string> => {
              const stopping = new AbortController()
              setStop(stopping)
              try {
                const onProgress = (loaded: number, total: number | null): void =>
                  setProgress(total === null || loaded === total ? 'proving' : `key: ${percent(loaded / total)}`)
                const about = { question, member, hubModel }
                return await answerFor(connection, about, known, submitter, { onProgress, signal: stopping.signal })
              } finally {
                setProgress('')
                setStop(null)
              }
            }
            return (
              <p key={`${member}`}>
                <Action run={prove}>Prove member {member}'s answer here</Action>
              </p>
            )
          })
        }
      </Show>
      {stop !== null && (
        <button type="button" onClick={() => stop.abort(new Error('cancelled'))}>
          Cancel
        </button>
      )}{' '}
      <span role="status">{progress}</span>
    </section>
  )
}
