// SPDX-License-Identifier: GPL-3.0-or-later
// Ensembles: several models, one opinion.
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { EnsemblePage } from './ensemble.tsx'
import { listEnsembles } from './ensembles.ts'
import { latestDecision, opinionOf } from './opinion.ts'
import { QuestionPage } from './question.tsx'

/** Ensembles that are shown at once. */
const PAGE = 10

const isNumber = (text: string): boolean => /^\d{1,18}$/.test(text)

export function EnsemblesPage({
  connection,
  chosen,
  question,
}: {
  readonly connection: Connection
  readonly chosen: string | null
  /** Of the chosen ensemble. */
  readonly question: string | null
}) {
  if (chosen === null) return <EnsembleList connection={connection} />
  if (!isNumber(chosen)) return <p>'{inert(chosen, 40)}' is no number of an ensemble.</p>
  if (question === null) return <EnsemblePage connection={connection} id={BigInt(chosen)} />
  if (!isNumber(question)) return <p>'{inert(question, 40)}' is no number of a question.</p>
  return <QuestionPage connection={connection} ensembleId={BigInt(chosen)} questionId={BigInt(question)} />
}

function EnsembleList({ connection }: { readonly connection: Connection }) {
  const { block } = connection.head.value
  const [skip, setSkip] = useState(0)
  const list = useLoaded(() => listEnsembles(connection, { count: PAGE, skip }), [skip], block)
  return (
    <>
      <h1>Ensembles</h1>
      <p>
        An ensemble asks several models about one input. Each proves its own answer, and the oracle combines what was
        proven.
      </p>
      <Show loaded={list} what="the ensembles">
        {({ count, ensembles, tale }) =>
          count === 0 ? (
            <p>Nobody has founded an ensemble: `createEnsemble` of the EnsembleOracle does.</p>
          ) : (
            <>
              <Scrollable label="Ensembles">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Ensemble</th>
                      <th scope="col">Decides by</th>
                      <th scope="col">Members</th>
                      <th scope="col">Questions</th>
                      <th scope="col">Last opinion</th>
                    </tr>
                  </thead>
                  <tbody>
                    {ensembles.map((ensemble) => {
                      const { ensembleId, rule, members } = ensemble
                      const asked = tale.questions.filter((one) => one.ensembleId === ensembleId)
                      const last = latestDecision(asked)
                      return (
                        <tr key={String(ensembleId)}>
                          <td>
                            <a href={link('ensembles', String(ensembleId))}>{String(ensembleId)}</a>
                          </td>
                          <td>{rule}</td>
                          <td>
                            <ul class="plain">
                              {members.map(({ about }, i) => (
                                <li key={`${i}`}>
                                  <Inert text={about} />
                                </li>
                              ))}
                            </ul>
                          </td>
                          <td>{asked.length}</td>
                          <td>{last === null ? 'none yet' : opinionOf(last, ensemble.votes)}</td>
                        </tr>
                      )
                    })}
                  </tbody>
                </table>
              </Scrollable>
              <Pages count={count} page={PAGE} skip={skip} onSkip={setSkip} />
            </>
          )
        }
      </Show>
      <Explain>
        <p>
          Each answer that counts was proven to the inference hub: this version of this model, on the input with the
          question's commitment, gives this output. Whoever relies on the opinion needs to trust neither who submitted
          the answers nor the oracle's founder; the oracle has no administrator, and an ensemble never changes.
        </p>
        <p>
          The chain sees a commitment to the input, the members' outputs and the opinion, and not the input. That the
          members are good at the question is not proven; their weights follow how often they agreed with the outcome.
        </p>
      </Explain>
    </>
  )
}
