-- MLflow's own database, beside that of the jobs; run once, when the volume is new.
CREATE DATABASE mlflow OWNER tritext;
