import { useOneTemp } from './one-temp.ts';

// Workers inherit the environment of the process that starts them.
export default useOneTemp;
