// SPDX-License-Identifier: GPL-3.0-or-later
// The tree of `cohort` commands. Areas register theirs here and load their heavy code only when one runs.
import { Command } from 'commander'
import pkg from '../../package.json' with { type: 'json' }
import { registerCensus } from './census.ts'
import { registerCeremony } from './ceremony.ts'
import { registerClaim } from './claim.ts'
import { registerDao } from './dao.ts'
import { registerData } from './data.ts'
import { registerDoctor } from './doctor.ts'
import { registerFsm } from './fsm.ts'
import { registerIdentity } from './identity.ts'
import { registerInfer } from './infer.ts'
import { registerKeeper } from './keeper.ts'
import { registerLearning } from './learning.ts'
import { registerMarket } from './market.ts'
import { registerNested } from './nested.ts'
import { registerNew } from './new.ts'
import { registerProver } from './prover.ts'
import { registerRelay } from './relay.ts'
import { registerService } from './service.ts'
import { registerSimulate } from './simulate.ts'
import { registerSpend } from './spend.ts'
import { registerStory } from './story.ts'
import { registerWorker } from './worker.ts'
import { registerZkml } from './zkml.ts'

/** In the order of the help text. */
const AREAS = [
  registerNew,
  registerKeeper,
  registerRelay,
  registerWorker,
  registerDoctor,
  registerService,
  registerFsm,
  registerDao,
  registerLearning,
  registerSimulate,
  registerZkml,
  registerCeremony,
  registerInfer,
  registerNested,
  registerProver,
  registerClaim,
  registerData,
  registerMarket,
  registerStory,
  registerSpend,
  registerCensus,
  registerIdentity,
]

/** All commands with their options. It throws CommanderError where commander would end the process. */
export function cohortProgram(): Command {
  const program = new Command('cohort')
    .description('Machine learning that its participants own together.')
    .version(pkg.version)
    .showHelpAfterError('(add --help for the options)')
    .exitOverride()
  for (const register of AREAS) register(program)
  return program
}
