/** The monitor: kept up to date every two seconds. Without this script it shows how things stood when it was loaded. */
import { actInPlace, keepUpToDate, read } from "./up-to-date.js";

const context = read(document);

// 409: what is to be tried again has begun to run meanwhile, which is what was wanted.
actInPlace(context.page, [409]);
keepUpToDate(context);
