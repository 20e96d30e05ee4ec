// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers that train with scikit-learn: config values that name the program in trainers/python.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../bootstrap/paths.mjs'
import { NoExampleError } from './missing.ts'

const run = promisify(execFile)

const NEEDED = ['numpy', 'sklearn'] as const
/** Of a round; one takes a second or two. */
const SECONDS = 120

/**
 * @param python with numpy and scikit-learn; $COHORT_PYTHON, else python3
 * @throws NoExampleError naming what is missing
 */
export async function sklearnTraining(
  python: string = process.env.COHORT_PYTHON ?? 'python3',
): Promise<Readonly<Record<string, unknown>>> {
  await run(python, ['-c', `import ${NEEDED.join(', ')}`]).catch((cause: Error & { stderr?: string }) => {
    const why = cause.stderr?.trim().split('\n').at(-1) || cause.message.split('\n')[0]
    throw new NoExampleError(
      `the example of scikit-learn is skipped: ${python} with ${NEEDED.join(' and ')} is needed (${why}); ` +
        'COHORT_PYTHON names another',
      { cause },
    )
  })
  return {
    'training.command': [python, join(ROOT, 'trainers/python/examples/sklearn_mlp.py')],
    'training.environment': { PYTHONPATH: join(ROOT, 'trainers/python/src'), PYTHONDONTWRITEBYTECODE: '1' },
    // Not every kernel gives a namespace without a network, and this program asks for none.
    'training.limits': { seconds: SECONDS, network: 'allowed' },
  }
}
