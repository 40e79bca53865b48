import { mount } from 'svelte';
import '../ui/tokens.css';
import '../ui/components.css';
import '../ui/screens.css';
import './console.css';
import { startRouter } from '../app/router.svelte.ts';
import '../app/theme.svelte.ts';
import Console from './Console.svelte';
import { Session } from './session.svelte.ts';

const target = document.getElementById('app');
if (!target) throw new Error('no #app');

startRouter();
const session = new Session();
mount(Console, { target, props: { session } });
void session.start();
