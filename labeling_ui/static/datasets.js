/** The pages of datasets: kept up to date while a job works. Without this script a reload says the same. */
import { keepUpToDate, read } from "./up-to-date.js";

keepUpToDate(read(document));
