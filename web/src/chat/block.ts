// Blocking the peer of a match, from wherever it is offered.

import type { Model } from '../app/model.ts';
import { Problem } from '../net/rest.ts';

/** The match ends with it. Somebody who is blocked already stays so. Throws `Problem`. */
export async function block(
  model: Pick<Model, 'rest' | 'setMatch'>, matchId: string,
): Promise<void> {
  try {
    await model.rest.post('/v1/blocks', { match_id: matchId });
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'already_blocked') throw error;
  }
  // The socket tells of the end too, but there may be no line now.
  const path = { id: matchId };
  const match = await model.rest.get('/v1/matches/{id}', { path }).catch(() => null);
  if (match) model.setMatch(match, 'self');
}
