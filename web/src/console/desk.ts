// Who works in the console, and their way to the server: a session, as far as a room's state needs it.

import type { UserRole } from '../net/api.d.ts';
import type { Rest } from '../net/rest.ts';

export interface Reader {
  id: string;
  role: UserRole;
}

export interface Desk {
  readonly me: Reader;
  readonly rest: Rest;
}
