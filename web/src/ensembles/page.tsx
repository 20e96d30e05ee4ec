// SPDX-License-Identifier: GPL-3.0-or-later
// Ensembles: several models, one opinion.
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Explain } from '../ui/explain.tsx'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Listing } from '../ui/listing.tsx'
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
  return (
    <>
      <h1>Ensembles</h1>
      <p>
        An ensemble asks several models about one input. Each proves its own answer, and the oracle combines what was
        proven.
      </p>
      <Listing
        {...{ connection, label: 'Ensembles', what: 'the ensembles', page: PAGE }}
        none="There are no ensembles yet. `createEnsemble` of the EnsembleOracle founds one."
        read={(page) => listEnsembles(connection, page)}
        keyOf={({ ensemble }) => String(ensemble.ensembleId)}
        columns={[
          [
            'Ensemble',
            ({ ensemble: { ensembleId } }) => <a href={link('ensembles', String(ensembleId))}>{String(ensembleId)}</a>,
          ],
          ['Decides by', ({ ensemble }) => ensemble.rule],
          [
            'Members',
            ({ ensemble }) => (
              <ul class="plain">
                {ensemble.members.map(({ about }, i) => (
                  <li key={`${i}`}>
                    <Inert text={about} />
                  </li>
                ))}
              </ul>
            ),
          ],
          ['Questions', ({ questions }) => questions.length],
          [
            'Last opinion',
            ({ ensemble, questions }) => {
              const last = latestDecision(questions)
              return last === null ? 'none yet' : opinionOf(last, ensemble.votes)
            },
          ],
        ]}
      />
      <Explain>
        <p>
          Each answer that counts was proven to the inference hub: this version of this model, on the input with the
          question's commitment, gives this output. To rely on the opinion, you need to trust neither those who
          submitted the answers nor the ensemble's founder; the oracle has no administrator, and an ensemble never
          changes.
        </p>
        <p>
          The chain sees a commitment to the input, the members' outputs and the opinion, but not the input. Nothing
          proves that the members are good at the question; their weights follow how often they agreed with the outcome.
        </p>
      </Explain>
    </>
  )
}
